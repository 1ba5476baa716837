// Recordings, as the page of recordings shows them and as a script is told of them.

import assert from 'node:assert/strict'
import { proofOf, type RoomLinks } from './link.ts'
import type { TestPage } from './page.ts'
import type { PreauServer } from './server.ts'
import { until } from './until.ts'

/** Keeps the last file that the page hands to its person. */
export const KEEP_FILES = `(() => {
  const make = URL.createObjectURL
  URL.createObjectURL = (it) => {
    if (it instanceof Blob) globalThis.__file = it
    return make.call(URL, it)
  }
})()`

/** What opens the recordings of a room. */
export type RecordingsLink = Pick<RoomLinks, 'room' | 'moderatorSecret'>

/** What a script is told of one recording. */
export interface Described {
  tracks: { number: number; segments: number[] }[]
  releases: { person: string; count: number }[]
}

/** The one recording of a room. */
export async function recordingOf(server: PreauServer, links: RecordingsLink): Promise<string> {
  const { recordings } = await ask<{ recordings: { id: string }[] }>(server, links, '')
  assert.equal(recordings.length, 1)
  return recordings[0]?.id ?? ''
}

/** What there is of it. */
export function describe(server: PreauServer, links: RecordingsLink, id: string): Promise<Described> {
  return ask<Described>(server, links, `/${id}`)
}

/** What a script with the moderator link is told. */
async function ask<T>(server: PreauServer, links: RecordingsLink, path: string): Promise<T> {
  const headers = { 'preau-room': links.room, 'preau-proof': proofOf(links.moderatorSecret) }
  const answer = await fetch(`${server.origin}/api/recordings${path}`, { headers })
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
  return (await answer.json()) as T
}

/** Whose tiles the player shows. */
export function persons(page: TestPage): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll('[data-testid=player-tile]')].map((tile) => tile.dataset.person)`)
}

/** Waits until the player shows a picture, and then another one. */
export async function untilPictureMoves(page: TestPage): Promise<void> {
  const seen = new Set<string>()
  await until(`${page.engine} plays a picture`, async () => {
    const picture = await page.evaluate<string>(`document.querySelector('[data-picture=true] canvas')?.toDataURL() ?? ''`)
    if (picture !== '') seen.add(picture)
    return seen.size > 2
  }, 30_000, () => page.bodyText())
}

/** What was exported. */
export interface Exported {
  width: number
  height: number
  seconds: number
  /** Something is to be seen in it: after a withdrawal nobody's picture is there any more. */
  colours: boolean
}

/** Plays what was exported, as any player would. */
export const PLAY_FILE = `(async () => {
  const video = document.createElement('video')
  video.muted = true
  video.src = URL.createObjectURL(globalThis.__file)
  await new Promise((resolve, reject) => {
    video.addEventListener('loadeddata', resolve)
    video.addEventListener('error', () => reject(new Error('the exported file does not play')))
  })
  const canvas = document.createElement('canvas')
  canvas.width = 32
  canvas.height = 18
  const context = canvas.getContext('2d', { willReadFrequently: true })
  let most = 0
  for (const part of [0.2, 0.35, 0.5, 0.65, 0.8]) {
    video.currentTime = video.duration * part
    await new Promise((resolve) => video.addEventListener('seeked', resolve, { once: true }))
    context.drawImage(video, 0, 0, 32, 18)
    const { data } = context.getImageData(0, 0, 32, 18)
    const colours = new Set()
    for (let at = 0; at < data.length; at += 4) colours.add(data[at] >> 4 << 8 | data[at + 1] >> 4 << 4 | data[at + 2] >> 4)
    most = Math.max(most, colours.size)
  }
  return { width: video.videoWidth, height: video.videoHeight, seconds: video.duration, colours: most > 2 }
})()`
