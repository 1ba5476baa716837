import assert from 'node:assert/strict'
import { join } from './rig/call.ts'
import { assertInert, COUNT_HITS, INJECTIONS } from './rig/injections.ts'
import { press, tabTo } from './rig/keyboard.ts'
import { moderatorPath } from './rig/link.ts'
import type { TestPage } from './rig/page.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { words } from './rig/words.ts'

rule('a_class_raises_hands_reacts_counts_writes_votes_and_keeps_time', async (ground) => {
  const { server, links, guestLink } = await ground.serverWithRoom()
  const teacher = await join(ground, server, `${server.origin}${moderatorPath(links)}`, { name: 'Maîtresse Loriot' })
  const zoe = await join(ground, server, guestLink, { name: 'Zoé Quetzal' })
  const anselme = await join(ground, server, guestLink, { name: 'Anselme Ibis' })

  await anselme.click('hand')
  await anselme.untilAttribute('hand', 'aria-pressed', 'true')
  await zoe.click('hand')
  await until('the queue is in order', async () => names(await teacher.text('hand-queue')) === 'Anselme Ibis, Zoé Quetzal')
  assert.equal(await zoe.attribute('hand-place', 'data-number'), '2')
  assert.equal(await zoe.has('hand-lower'), false)
  await teacher.click('hand-lower')
  await anselme.untilAttribute('hand', 'aria-pressed', 'false')
  await until('one is left', async () => names(await anselme.text('hand-queue')) === 'Zoé Quetzal')

  await zoe.click('reactions')
  await zoe.click('reaction-applause')
  await untilHas(teacher, '[data-testid=shown-reactions] [data-reaction=applause]', 'Zoé Quetzal')
  await zoe.click('counter-slower')
  await zoe.untilAttribute('counter-slower', 'aria-pressed', 'true')
  await zoe.raw.keyboard.press('Escape')
  await untilHas(anselme, '[data-testid=opinion-totals] [data-opinion=slower]', '1')
  await teacher.click('counters-clear')
  await until('it is taken down', async () => !(await zoe.has('opinion-totals')))

  await zoe.click('chat')
  await write(zoe, 'Le plan : https://example.org/plan.')
  await until('the teacher has not read it', async () => (await teacher.text('chat-unread')).startsWith('1'))
  await teacher.click('chat')
  const link = await teacher.findSelector('[data-testid=chat-log] a')
  const [href, rel, target] = await link.evaluate((node) => ['href', 'rel', 'target'].map((name) => node.getAttribute(name)))
  assert.deepEqual([href, rel, target], ['https://example.org/plan', 'noopener noreferrer', '_blank'])
  await zoe.clickSelector('.audience:has([data-testid=chat-to-moderators])')
  await write(zoe, 'Je n’ai pas compris.')
  await untilHas(teacher, '[data-testid=chat-log] [data-audience=moderators]', 'Je n’ai pas compris.')
  await anselme.click('chat')
  const read = await anselme.text('chat-log')
  assert.ok(read.includes('Le plan') && !read.includes('pas compris'), read)
  assert.equal((await anselme.evaluate<string[]>('__rig.received')).filter((type) => type === 'chatted').length, 1)

  // Longer than a line may be: refused by the page, with nothing sent and nothing lost.
  const sent = async (): Promise<number> => (await zoe.evaluate<string[]>('__rig.sent')).filter((type) => type === 'chat').length
  const before = await sent()
  await paste(zoe, 'x'.repeat(64 * 1024))
  await zoe.raw.keyboard.press('Enter')
  await untilHas(zoe, '[data-testid=chat-too-long]', '63536')
  assert.deepEqual([await sent(), (await zoe.text('chat-input')).length], [before, 64 * 1024])
  await paste(zoe, '')

  await teacher.click('class')
  await teacher.fill('poll-question', 'Compris ?')
  await teacher.click('poll-yes-no')
  for (const [pupil, choice] of [[zoe, 0], [anselme, 1]] as const) {
    await pupil.click('poll-show')
    await pupil.click(`poll-choice-${choice}`)
    await pupil.click('poll-vote')
    await pupil.untilText(words('fr', 'poll.voted'))
  }
  await until('two ballots are counted', async () => (await teacher.text('poll-ballots')).includes('2'))
  await teacher.click('poll-close')
  await untilHas(anselme, '[data-testid=poll-result]', '1 (50')

  await teacher.click('timer-1')
  await until('a minute is shown', async () => /^(1:00|0:5\d)$/.test((await zoe.text('timer')).trim()))
  await teacher.click('timer-stop')
  await until('it is gone', async () => !(await zoe.has('timer')))

  // Whoever comes late sees nothing of what was written.
  const late = await join(ground, server, guestLink)
  await late.click('chat')
  assert.equal((await late.text('chat-log')).includes('Le plan'), false)
}, { order: 'beside' })

rule('what_pupils_write_is_text_and_nothing_else', async (ground) => {
  const { server, links, guestLink } = await ground.serverWithRoom()
  const teacher = await join(ground, server, `${server.origin}${moderatorPath(links)}`, { before: COUNT_HITS })
  const pupil = await join(ground, server, guestLink, { before: COUNT_HITS })
  await teacher.click('chat')
  await pupil.click('chat')
  // Several in each line: a room hears so many messages in a second and no more.
  for (let from = 0; from < INJECTIONS.length; from += IN_ONE_LINE) {
    const text = INJECTIONS.slice(from, from + IN_ONE_LINE).join('\n')
    await paste(pupil, text)
    await pupil.raw.keyboard.press('Enter')
    await until('it is sent', async () => (await pupil.text('chat-input')) === '')
    const last = INJECTIONS.slice(from, from + IN_ONE_LINE).at(-1)?.trim() ?? ''
    await until('it arrives', async () => (await teacher.text('chat-log')).includes(last))
  }
  const shown = await teacher.text('chat-log')
  for (const injection of INJECTIONS) assert.ok(shown.includes(injection.trim()), injection)
  for (const page of [teacher, pupil]) await assertInert(page, server.origin)
}, { order: 'beside' })

rule('hands_words_and_votes_work_by_keyboard_alone', async (ground) => {
  const { server, links, guestLink } = await ground.serverWithRoom()
  const teacher = await join(ground, server, `${server.origin}${moderatorPath(links)}`)
  const pupil = await join(ground, server, guestLink)
  await press(pupil, 'hand', ' ')
  await pupil.untilAttribute('hand', 'aria-pressed', 'true')
  await press(pupil, 'chat', 'Enter')
  await tabTo(pupil, 'chat-input')
  await pupil.raw.keyboard.type('Deux')
  await pupil.raw.keyboard.down('Shift')
  await pupil.raw.keyboard.press('Enter')
  await pupil.raw.keyboard.up('Shift')
  await pupil.raw.keyboard.type('lignes')
  await pupil.raw.keyboard.press('Enter')
  await untilHas(pupil, '[data-testid=chat-log]', 'Deux\nlignes')
  await pupil.raw.keyboard.press('Escape')
  await until('the focus is back at the button', () => pupil.evaluate<boolean>(`document.activeElement?.dataset.testid === 'chat'`))

  await press(teacher, 'class', 'Enter')
  await tabTo(teacher, 'poll-question')
  await teacher.raw.keyboard.type('Compris ?')
  await press(teacher, 'poll-yes-no', 'Enter')
  await press(pupil, 'poll-show', 'Enter')
  await tabTo(pupil, 'poll-choice-0')
  await pupil.raw.keyboard.press(' ')
  await press(pupil, 'poll-vote', 'Enter')
  await pupil.untilText(words('fr', 'poll.voted'))
  await press(teacher, 'poll-close', 'Enter')
  await pupil.find('poll-result')
}, { order: 'beside' })

/** How many injected texts share a line. Higher: the line gets longer than one may be. */
const IN_ONE_LINE = 10

/** Names of the queue, without numbers and buttons. */
function names(queue: string): string {
  return ['Anselme Ibis', 'Zoé Quetzal'].filter((name) => queue.includes(name)).sort((a, b) => queue.indexOf(a) - queue.indexOf(b)).join(', ')
}

async function untilHas(page: TestPage, selector: string, text: string): Promise<void> {
  await until(
    `${selector} has “${text}”`,
    () => page.evaluate<boolean>(`[...document.querySelectorAll(${JSON.stringify(selector)})].some((node) => node.textContent.includes(${JSON.stringify(text)}))`),
    undefined,
    () => page.bodyText(),
  )
}

async function write(page: TestPage, text: string): Promise<void> {
  await page.fill('chat-input', text)
  await page.raw.keyboard.press('Enter')
  await until('it is sent', async () => (await page.text('chat-input')) === '')
}

/** Replaces what is in the field at once, as pasting does. */
async function paste(page: TestPage, text: string): Promise<void> {
  const field = await page.find('chat-input')
  await field.focus()
  await field.evaluate((node, pasted) => {
    ;(node as HTMLTextAreaElement).value = pasted
    node.dispatchEvent(new Event('input', { bubbles: true }))
  }, text)
}
