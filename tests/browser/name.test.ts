import assert from 'node:assert/strict'
import { join, untilNames } from './rig/call.ts'
import type { TestPage } from './rig/page.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'

rule('r03_a_new_pseudonym_is_seen_by_everybody_at_once', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const one = await join(ground, server, guestLink, { name: 'Zoé Quetzal' })
  const two = await join(ground, server, guestLink, { name: 'Ulysse Pinson', engine: 'firefox' })
  await untilNames(one, ['Zoé Quetzal', 'Ulysse Pinson'])
  await rename(one, 'Camille Loriot')
  server.forbidInLog('Camille Loriot')
  for (const page of [one, two]) await untilNames(page, ['Camille Loriot', 'Ulysse Pinson'])
})

rule('r01_an_empty_field_gives_a_neutral_pseudonym', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const one = await join(ground, server, guestLink)
  const two = await join(ground, server, guestLink, { engine: 'firefox' })
  const namesOf = async (): Promise<string[]> => (await two.tiles()).map((tile) => tile.name)
  const names = await until('two names', async () => {
    const shown = await namesOf()
    return shown.length === 2 && shown.every((name) => name !== '') && shown
  }, 15_000, namesOf)
  for (const name of names) assert.match(name, /^Invité \d+$/)
  assert.equal(new Set(names).size, 2)
  await untilNames(one, names)
})

rule('r03_a_blank_or_overlong_pseudonym_is_not_taken', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const page = await join(ground, server, guestLink, { name: 'Zoé Quetzal' })
  await rename(page, '   ')
  await untilNames(page, ['Zoé Quetzal'])
}, { order: 'beside' })

async function rename(page: TestPage, name: string): Promise<void> {
  await page.click('rename')
  await page.fill('rename-field', name)
  await page.click('rename-save')
}
