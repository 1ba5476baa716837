import assert from 'node:assert/strict'
import type { WebWorker } from 'puppeteer-core'
import { hold, confirm, join, turnMicrophoneOn } from './rig/call.ts'
import { figure } from './rig/figures.ts'
import { selfIdOf } from './rig/media.ts'
import type { TestPage } from './rig/page.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { words } from './rig/words.ts'

/** In place of the camera: somebody drawn, in a chequered shirt, before a wall of stripes. And the worker that
 * hides the wall waits, so that what goes out before it is ready can be looked at. */
const DRAWN_CAMERA = `
  const native = MediaDevices.prototype.getUserMedia
  MediaDevices.prototype.getUserMedia = async function (wanted) {
    if (!wanted.video) return native.call(this, wanted)
    const canvas = new OffscreenCanvas(960, 540)
    const c = canvas.getContext('2d')
    c.fillStyle = '#f4f4f4'
    c.fillRect(0, 0, 960, 540)
    c.fillStyle = '#181818'
    for (let x = 0; x < 960; x += 32) c.fillRect(x, 0, 16, 540)
    const round = (colour, x, y, w, h) => {
      c.fillStyle = colour
      c.beginPath()
      c.ellipse(x, y, w, h, 0, 0, 7)
      c.fill()
    }
    round('#2b1d14', 480, 205, 128, 150)
    round('#d9a07c', 480, 390, 52, 70)
    c.save()
    round('#8c2f39', 480, 600, 270, 200)
    c.clip()
    c.fillStyle = '#f0e6d8'
    for (let x = 200; x < 760; x += 32) for (let y = 400; y < 540; y += 32) c.fillRect(x + (y % 64 ? 0 : 16), y, 16, 32)
    c.restore()
    const skin = c.createRadialGradient(450, 220, 20, 480, 250, 150)
    skin.addColorStop(0, '#f0c3a0')
    skin.addColorStop(1, '#cf9570')
    round(skin, 480, 250, 100, 132)
    for (const x of [442, 518]) {
      round('#ffffff', x, 232, 17, 10)
      round('#33231a', x, 232, 9, 9)
      c.fillStyle = '#2b1d14'
      c.fillRect(x - 20, 208, 40, 7)
    }
    round('#c08562', 480, 275, 14, 22)
    round('#a4483f', 480, 322, 34, 10)
    const shown = document.createElement('canvas')
    shown.width = 960
    shown.height = 540
    const to = shown.getContext('2d')
    setInterval(() => to.drawImage(canvas, 0, 0), 66)
    to.drawImage(canvas, 0, 0)
    const stream = shown.captureStream(15)
    if (wanted.audio) for (const track of (await native.call(this, { audio: true })).getAudioTracks()) stream.addTrack(track)
    return stream
  }
  // How much a frame may cost on this machine, and when work begins, is for the test to say.
  globalThis.__masking = { budget: 1e9, held: [], release: () => __masking.held.splice(0).forEach((say) => say()) }
  const say = Worker.prototype.postMessage
  Worker.prototype.postMessage = function (message, handed) {
    if (message.type !== 'start') return say.call(this, message, handed)
    message.budget = __masking.budget
    __masking.held.push(() => say.call(this, message, handed))
  }
`

/** How much of a pattern there is in what \`page\` receives of \`sender\`: on the wall, and on the shirt. */
const LOOK = `
  globalThis.__look = { frames: 0, wall: 0, shirt: 0, worstWall: 0, worstShirt: 0, id: null }
  const canvas = new OffscreenCanvas(480, 270)
  const context = canvas.getContext('2d', { willReadFrequently: true })
  // Half a stripe further on both sides it is dark where it is light here; slow changes of light cancel out.
  const HALF = 8
  const contrast = (x, y, width, height) => {
    const { data } = context.getImageData(x, y, width, height)
    const light = (i) => 0.3 * data[4 * i] + 0.6 * data[4 * i + 1] + 0.1 * data[4 * i + 2]
    let sum = 0
    for (let row = 0; row < height; row += 1) {
      for (let column = HALF; column < width - HALF; column += 1) {
        const i = row * width + column
        sum += Math.abs(light(i) - (light(i - HALF) + light(i + HALF)) / 2)
      }
    }
    return sum / (height * (width - 2 * HALF))
  }
  let watched = null
  const look = (video) => {
    context.drawImage(video, 0, 0, 480, 270)
    __look.frames += 1
    __look.wall = Math.max(contrast(10, 20, 100, 120), contrast(370, 20, 100, 120))
    __look.shirt = contrast(180, 225, 120, 40)
    __look.worstWall = Math.max(__look.worstWall, __look.wall)
    __look.worstShirt = Math.max(__look.worstShirt, __look.shirt)
    video.requestVideoFrameCallback(() => look(video))
  }
  setInterval(() => {
    const video = document.querySelector('[data-participant="' + __look.id + '"] video')
    if (video === watched) return
    watched = video
    video?.requestVideoFrameCallback(() => look(video))
  }, 40)
`

interface Look {
  frames: number
  wall: number
  shirt: number
  worstWall: number
  worstShirt: number
}

/** Above: the pattern can be seen. The stripes and the squares give some 100 to 200. */
const PLAIN = 60
/** Below: nothing of it is left. */
const GONE = 15

const lookOf = (page: TestPage): Promise<Look> => page.evaluate('({ ...__look })')

/** Waits until a new frame shows this. */
async function untilSeen(page: TestPage, what: string, isSo: (look: Look) => boolean): Promise<void> {
  const { frames } = await lookOf(page)
  await until(what, async () => {
    const look = await lookOf(page)
    return look.frames > frames + 1 && isSo(look)
  }, 20_000, () => lookOf(page))
}

/** The worker of the page, with what it fetches held back until it is let go. */
async function heldWorker(page: TestPage): Promise<WebWorker> {
  const worker = await until('a worker', async () => {
    const waits = await page.evaluate<boolean>('__masking.held.length > 0')
    return waits && page.raw.workers().at(-1)
  })
  await worker.evaluate('const native = fetch; const gate = new Promise((go) => { globalThis.letGo = go }); globalThis.fetch = (...what) => gate.then(() => native(...what)); undefined')
  return worker
}

rule('r14_a_blurred_room_is_never_seen_by_others_neither_before_it_is_ready_nor_where_it_is_too_slow', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const page = await join(ground, server, guestLink, { name: 'Zoé Quetzal', before: DRAWN_CAMERA })
  const other = await join(ground, server, guestLink, { name: 'Anselme Ibis' })
  await other.evaluate(`{ ${LOOK} }`)
  await other.evaluate(`__look.id = ${JSON.stringify(await selfIdOf(page))}`)

  await hold(page, 'camera', words('fr', 'camera.waiting'))
  await page.click('blur')
  await page.untilAttribute('blur', 'aria-checked', 'true')
  await confirm(page, 'camera')
  const worker = await heldWorker(page)
  await page.evaluate('__masking.release()')
  await untilSeen(other, 'a veiled picture', ({ frames }) => frames > 10)
  const veiled = await lookOf(other)
  assert.ok(veiled.worstWall < GONE && veiled.worstShirt < GONE, JSON.stringify(veiled))

  await worker.evaluate('letGo(); undefined')
  await untilSeen(other, 'a person before a blurred wall', ({ wall, shirt }) => wall < GONE && shirt > PLAIN)
  const masked = await lookOf(other)
  assert.ok(masked.worstWall < GONE, JSON.stringify(masked))
  figure(`contrast of a striped wall as received: ${masked.worstWall.toFixed(0)} at most while blurred`)

  await page.click('more')
  await page.click('devices')
  await page.click('blur')
  await untilSeen(other, 'the wall as it is', ({ wall }) => wall > PLAIN)
  figure(`the same wall without blur: ${(await lookOf(other)).wall.toFixed(0)}`)

  await page.evaluate('__masking.budget = 0')
  await page.click('blur')
  await untilSeen(other, 'a black picture at once', ({ wall }) => wall < GONE)
  await page.evaluate('__masking.release()')
  await page.find('masking-trouble', 20_000)
  await untilSeen(other, 'a veiled picture', ({ wall, shirt }) => wall < GONE && shirt < GONE)
  await other.evaluate('__look.worstWall = 0')
  await page.click('background-plain')
  await page.evaluate('__masking.release()')
  await page.find('masking-trouble', 20_000)
  await untilSeen(other, 'still a veiled picture', ({ wall }) => wall < GONE)
  assert.ok((await lookOf(other)).worstWall < GONE)
  await page.click('masking-off')
  await untilSeen(other, 'the wall as it is', ({ wall }) => wall > PLAIN)

  await page.click('blur')
  await page.click('device-panel-close')
  await page.click('leave')
  await page.find('left-page')
  await until('everything is released', async () => {
    const { tracks } = await page.holdings()
    return tracks.length > 0 && tracks.every((track) => track.endsWith(':ended')) && page.raw.workers().length === 0
  }, 5_000, () => page.holdings())
}, { order: 'beside' })

rule('a_microphone_that_gives_no_sound_is_told_and_not_told_twice', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const before = `MediaDevices.prototype.getUserMedia = async () => new AudioContext().createMediaStreamDestination().stream`
  const page = await join(ground, server, guestLink, { name: 'Zoé Quetzal', before })
  await turnMicrophoneOn(page)
  await page.find('microphone-unheard', 15_000)
  await page.click('microphone-unheard-open')
  await page.find('noise-suppression')
  await page.click('device-panel-close')
  await page.click('microphone-unheard-dismiss')
  await until('it is put away', async () => !(await page.has('microphone-unheard')))
}, { order: 'beside' })
