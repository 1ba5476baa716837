// Links without a server.

import { signal } from '@preact/signals'
import type { HostTools, Pupil } from '../src/call/host'
import { makeSecret, toBase64Url } from '../src/link'

/** A list of names that changes as its buttons are used. */
export function fakeHost(): HostTools {
  const pupils = signal<readonly Pupil[]>([])
  const kept = signal(false)
  return {
    room: 'k'.repeat(21) + 'w',
    pupils,
    kept,
    keepFault: signal(null),
    linkOf: ({ admission }) => `https://preau.college-exemple.fr/r/${'k'.repeat(22)}#v1p.${'d'.repeat(22)}.${admission}`,
    nameOf: (handle) => pupils.value.find((pupil) => pupil.handle === handle)?.name ?? null,
    rotateLink: () => Promise.resolve(true),
    addPupils: (wanted) => {
      const added = wanted.map(({ name, admission }) => ({
        name,
        admission: admission ?? toBase64Url(makeSecret()),
        handle: toBase64Url(makeSecret()),
      }))
      pupils.value = [...pupils.value, ...added]
      return Promise.resolve(true)
    },
    revokePupil: (pupil) => {
      pupils.value = pupils.value.filter((one) => one !== pupil)
      return Promise.resolve(true)
    },
    setRole: () => Promise.resolve(true),
    prepareRecording: () =>
      Promise.resolve({
        recording: toBase64Url(makeSecret()),
        recipient: 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p',
      }),
    startRecording: () => Promise.resolve(null),
    recordings: '/recordings',
    keep: () => {
      kept.value = true
      return 'kept'
    },
  }
}
