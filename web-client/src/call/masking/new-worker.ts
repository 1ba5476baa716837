// The one place that starts a worker. The content security policy asks that whatever names a script
// goes through a policy; this one knows a single address.

import workerUrl from './masking-worker?worker&url'

/** Starts the worker that hides the background. */
export function newWorker(): Worker {
  // Browsers without trusted types take the text itself.
  const url = policy?.createScriptURL(workerUrl) ?? workerUrl
  return new Worker(url as string, { type: 'module' })
}

interface Policy {
  createScriptURL(url: string): unknown
}

const { trustedTypes } = globalThis as unknown as {
  trustedTypes?: { createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): Policy }
}

const policy = trustedTypes?.createPolicy('preau', {
  createScriptURL: (url) => {
    if (url !== workerUrl) throw new TypeError('not a script of this page')
    return url
  },
})
