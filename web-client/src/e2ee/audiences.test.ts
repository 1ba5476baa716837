import { expect, it } from 'vitest'
import { Audience } from './audiences'
import { drawPair, openRoot } from './narrow'

it('a key that is none keeps a root from nobody else', async () => {
  const pair = await drawPair()
  const audience = new Audience(1)
  const members = new Map([
    ['good', pair.publicKey],
    ['bad', new Uint8Array(32)],
  ])
  const handout = await audience.change(members)
  expect(handout?.keys.map(({ participant }) => participant)).toEqual(['good'])
  const [own] = handout?.keys ?? []
  expect(own === undefined ? null : await openRoot(pair, 1, own.enc, own.ct)).toEqual(handout?.root)
  expect((await audience.change(members))?.keys).toEqual([])
})
