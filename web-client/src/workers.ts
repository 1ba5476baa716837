// The one place that starts workers. The content security policy asks that whatever names a script
// goes through a policy; this one knows two addresses.

import maskingUrl from './call/masking/masking-worker?worker&url'
import framesUrl from './e2ee/frames-worker?worker&url'

/** Starts the worker that hides the background. */
export function newMaskingWorker(): Worker {
  return start(maskingUrl)
}

/** Starts the worker that encrypts and decrypts frames. */
export function newFramesWorker(): Worker {
  return start(framesUrl)
}

function start(url: string): Worker {
  // Browsers without trusted types take the text itself.
  const script = policy?.createScriptURL(url) ?? url
  return new Worker(script as string, { type: 'module' })
}

interface Policy {
  createScriptURL(url: string): unknown
}

const { trustedTypes } = globalThis as unknown as {
  trustedTypes?: { createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): Policy }
}

const policy = trustedTypes?.createPolicy('preau', {
  createScriptURL: (url) => {
    if (url !== maskingUrl && url !== framesUrl) throw new TypeError('not a script of this page')
    return url
  },
})
