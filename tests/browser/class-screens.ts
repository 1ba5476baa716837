import { Bot } from './rig/bot.ts'
import { hold, passPrejoin } from './rig/call.ts'
import { guestPath, moderatorPath } from './rig/link.ts'
import { until } from './rig/until.ts'
import type { Ground } from './rig/rule.ts'
import { words } from './rig/words.ts'
import type { See } from './screens.test.ts'

/** What goes on in a class: messages, hands, a question, tools, groups. */
export async function classLife(ground: Ground, see: See): Promise<void> {
  const { server, links } = await ground.serverWithRoom()
  const teacher = await ground.page()
  await teacher.goto(`${server.origin}${moderatorPath(links)}`)
  await passPrejoin(teacher, server, 'Maîtresse Loriot')
  const pupil = await ground.page()
  await pupil.goto(`${server.origin}${guestPath(links)}`)
  await passPrejoin(pupil, server, 'Zoé Quetzal')
  const bots = await Promise.all(['Anselme', 'Bertille', 'Ulysse'].map((name) => Bot.join(server.origin, links, name)))

  await hold(pupil, 'camera', words('fr', 'camera.waiting'))
  await pupil.find('only-teacher')
  await see('60-only-teacher', pupil)
  await pupil.click('camera-cancel')
  await pupil.click('chat')
  await pupil.fill('chat-input', 'https://example.org/cycle-de-l-eau')
  await pupil.click('chat-send')
  await until('it is sent', async () => (await pupil.text('chat-input')) === '')
  await pupil.clickSelector('.audience:has([data-testid=chat-to-moderators])')
  await pupil.fill('chat-input', 'Est-ce que vous m’entendez ?')
  await see('61-chat', pupil)
  await pupil.click('chat-send')
  await pupil.click('chat')
  await teacher.click('chat')
  await teacher.findSelector('[data-audience=moderators] .written')
  await see('61-chat-private', teacher)

  await teacher.click('class')
  await see('62-class-tools', teacher)
  await pupil.click('hand')
  await teacher.click('timer-10')
  await teacher.fill('poll-question', 'Compris ?')
  await teacher.click('poll-yes-no')
  await pupil.find('poll-show')
  await pupil.click('reactions')
  await pupil.click('counter-yes')
  await pupil.click('reaction-applause')
  await see('63-reactions', pupil)
  await pupil.raw.keyboard.press('Escape')
  await pupil.click('poll-show')
  await pupil.click('poll-choice-0')
  await see('64-question', pupil)
  await pupil.click('poll-vote')
  await teacher.click('poll-close')
  await pupil.find('poll-result')
  await see('64-result', pupil)
  await pupil.click('poll-put-away')
  await pupil.click('panel-close')

  await teacher.click('breakouts-open')
  await pupil.find('group-banner')
  await teacher.fill('announce-input', 'Encore cinq minutes')
  await teacher.click('announce-send')
  await pupil.find('announcement')
  await see('65-in-a-group', pupil)
  await pupil.click('call-help')
  await teacher.click('announcement-close')
  await teacher.find('help-call')
  await see('65-groups-open', teacher)
  for (const bot of bots) bot.leave()
  await pupil.close()
  await teacher.close()
}
