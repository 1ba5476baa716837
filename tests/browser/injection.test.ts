import assert from 'node:assert/strict'
import { Bot, firstAnswer } from './rig/bot.ts'
import { join, untilCount } from './rig/call.ts'
import { assertInert, COUNT_HITS, INJECTIONS } from './rig/injections.ts'
import { createRoom, guestPath, moderatorPath, proofOf } from './rig/link.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'

rule(
  'r09_names_that_would_run_as_script_are_shown_as_text_wherever_names_stand',
  async (ground) => {
    assert.ok(INJECTIONS.length >= 100)
    const server = await ground.server({ maxParticipants: 2 * INJECTIONS.length })
    const open = await createRoom(server.origin, 'reunion')
    const lobby = await createRoom(server.origin, 'classe')
    const bots = await Promise.all(INJECTIONS.map((name) => Bot.join(server.origin, open, name)))
    ground.afterwards(() => {
      for (const bot of bots) bot.leave()
    })
    const names = (selector: string): string => `[...document.querySelectorAll(${JSON.stringify(selector)})].map((it) => it.textContent).sort()`
    const wanted = INJECTIONS.map((name) => name.trim()).sort()

    const teacher = await join(ground, server, `${server.origin}${moderatorPath(open)}`, { before: COUNT_HITS })
    await untilCount(teacher, INJECTIONS.length + 1)
    await teacher.click('people')
    assert.deepEqual(await teacher.evaluate<string[]>(names('.person:not(:first-child) .person-name')), wanted)
    await teacher.click('person-menu')
    await teacher.click('eject')
    await teacher.find('eject-confirm')
    await assertInert(teacher, server.origin)
    await teacher.click('eject-cancel')
    await teacher.click('intrusion')
    await teacher.find('intruder')
    assert.deepEqual(await teacher.evaluate<string[]>(names('.intruders .person-name')), wanted)
    await assertInert(teacher, server.origin)
    await teacher.close()

    const host = await join(ground, server, `${server.origin}${moderatorPath(lobby)}`, { before: COUNT_HITS })
    const waiting = await Promise.all(
      INJECTIONS.map((displayName) =>
        firstAnswer(server.origin, {
          type: 'join',
          protocolVersion: 2,
          room: lobby.room,
          proof: proofOf(lobby.guestSecret),
          resume: null,
          displayName,
        }),
      ),
    )
    ground.afterwards(() => {
      for (const { socket } of waiting) socket.terminate()
    })
    await until('all of them wait', async () => {
      const shown = await host.evaluate<string[]>(names('.lobby-list .person-name'))
      return JSON.stringify(shown) === JSON.stringify(wanted)
    })
    await assertInert(host, server.origin)

    // What a moderator says to whoever is not let in.
    const refused = await ground.page('chromium', { before: COUNT_HITS })
    await refused.goto(`${server.origin}${guestPath(lobby)}`)
    await refused.click('join')
    await refused.find('lobby-waiting')
    await host.raw.select('[data-testid=lobby-reason]', 'own')
    const note = INJECTIONS.join(' ').slice(0, 200)
    await host.find('lobby-reason-typed')
    await host.fill('lobby-reason-typed', note)
    await host.clickSelector('.lobby-list li:last-child [data-testid=lobby-refuse]')
    await refused.find('left-page')
    await refused.untilText(note.trim())
    await assertInert(refused, server.origin)
  },
  { order: 'beside' },
)
