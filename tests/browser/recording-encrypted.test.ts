// A recording of an encrypted room: the server keeps what it cannot open, and those who have access see
// whoever accepted.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join as under } from 'node:path'
import { askToRecord, join, turnCameraOn, turnMicrophoneOn, untilNames } from './rig/call.ts'
import { localOf, openRoom, untilEncrypted } from './rig/encrypted.ts'
import { selfIdOf, untilAllFlow } from './rig/media.ts'
import type { TestPage } from './rig/page.ts'
import { describe, type Exported, KEEP_FILES, persons, PLAY_FILE, recordingOf, type RecordingsLink, untilPictureMoves } from './rig/recordings.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'

rule(
  'r17_r20_r23_of_an_encrypted_room_a_recording_opens_for_its_recipients_and_holds_whoever_accepted',
  async (ground) => {
    const { server, teacher, guest } = await openRoom(ground, 'reunion', { before: KEEP_FILES }, { recording: true })
    const enter = (name: string, engine: 'chromium' | 'firefox') => join(ground, server, localOf(server, guest), { name, engine })
    const accepter = await enter('Ulysse Pinson', 'firefox')
    const refuser = await enter('Anselme Ibis', 'chromium')
    const present = [teacher, accepter, refuser]
    await untilEncrypted(present, 3)
    for (const page of present) {
      await turnMicrophoneOn(page)
      await turnCameraOn(page)
    }
    await untilAllFlow(present, ['camera', 'microphone'], 40_000)
    await teacher.click('more')
    await teacher.click('rules')
    await teacher.click('rule-rename')
    await teacher.untilAttribute('rule-rename', 'aria-checked', 'false')
    await teacher.click('panel-close')
    await askToRecord(teacher, { details: 'Les volcans', audience: 'La classe' })
    for (const page of present) await page.untilAttribute('consent-vouched', 'data-vouched', 'true')
    assert.ok((await refuser.text('consent-banner')).includes('Mme Secrète'))
    // The rules keep names as they are; whoever is asked may have another all the same.
    await refuser.click('consent-rename')
    await refuser.fill('rename-field', 'Octave Bruant')
    await refuser.click('rename-save')
    await refuser.click('panel-close')
    server.forbidInLog('Octave Bruant')
    for (const page of present) await untilNames(page, ['Mme Secrète', 'Ulysse Pinson', 'Octave Bruant'])
    await refuser.click('consent-refuse')
    for (const page of [teacher, accepter]) {
      await page.click('consent-accept')
      await page.untilAttribute('recording-own', 'data-recorded', 'true', 30_000)
    }
    const accepted = [await selfIdOf(teacher), await selfIdOf(accepter)].sort()
    const links = moderatorLink(teacher)
    const id = await recordingOf(server, links)
    const releases = async () => (await describe(server, links, id)).releases
    const before = await releases()
    // Somebody comes meanwhile: another epoch, whose keys follow.
    const late = await enter('Tard Venu', 'chromium')
    await untilEncrypted([...present, late], 4)
    await until('the keys of the new epoch are there', async () => {
      const now = await releases()
      return now.length === 2 && now.every(({ person, count }) => count > (before.find((one) => one.person === person)?.count ?? 0))
    }, 30_000, releases)
    const tracks = async () => (await describe(server, links, id)).tracks
    await until('some seconds of two people are kept', async () => {
      const all = await tracks()
      return all.length >= 4 && all.every(({ segments }) => segments.length > 1)
    }, 60_000, tracks)

    await accepter.click('consent-withdraw')
    await accepter.untilAttribute('recording-own', 'data-recorded', 'false')
    await untilAllFlow(present, ['camera', 'microphone'], 40_000)
    await teacher.click('record-stop')
    for (const page of present) await page.find('recording-ended')
    assert.deepEqual((await releases()).map(({ person }) => person).sort(), accepted)
    const files = filesUnder(under(server.dataFolder, 'recordings'))
    assert.ok(files.length > 10, `${files.length} files`)
    for (const file of files) assert.ok(readFileSync(file, 'latin1').startsWith('age-encryption.org/v1'), file)
    for (const page of [accepter, refuser, late]) await page.click('leave')

    await teacher.goto(`${server.origin}/recordings#v1m.${links.room}.${links.moderatorSecret}`)
    await teacher.click('recording-play')
    await teacher.find('recording-verified')
    assert.deepEqual((await persons(teacher)).sort(), accepted)
    // By the names that the server never had.
    for (const name of ['Ulysse Pinson', 'Mme Secrète']) await teacher.untilText(name)
    for (const name of ['Anselme Ibis', 'Octave Bruant']) assert.ok(!(await teacher.bodyText()).includes(name))
    await untilPictureMoves(teacher)
    await until(
      'both are seen',
      () => teacher.evaluate<boolean>(`document.querySelectorAll('[data-testid=player-tile][data-picture=true]').length === 2`),
      30_000,
      () => teacher.bodyText(),
    )

    await teacher.click('recording-export')
    await teacher.find('export-done', 60_000)
    const file = await teacher.evaluate<Exported>(PLAY_FILE)
    assert.deepEqual({ ...file, seconds: file.seconds > 2 }, { width: 960, height: 540, seconds: true, colours: true })
    await teacher.click('export-close')
  },
  { deadlineMs: 240_000 },
)

function moderatorLink(teacher: TestPage): RecordingsLink {
  const { pathname, hash } = new URL(teacher.raw.url())
  return { room: pathname.split('/').at(-1) ?? '', moderatorSecret: hash.split('.')[1] ?? '' }
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => under(entry.parentPath, entry.name))
}
