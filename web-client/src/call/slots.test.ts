import { describe, expect, it } from 'vitest'
import type { TrackSource } from '../protocol/generated'
import { PairPool, tracksOf, type Unit, unitsOf } from './slots'
import type { Participant, ParticipantId } from './state'

const person = (name: string): Unit => ({ participant: name as ParticipantId, kind: 'person' })
const screen = (name: string): Unit => ({ participant: name as ParticipantId, kind: 'screen' })
const participant = (name: string, active: TrackSource[], isSelf = false): Participant => ({
  id: name as ParticipantId,
  displayName: name,
  role: 'guest',
  isSelf,
  away: false,
  quality: 'good',
  active: new Set(active),
  group: null,
  handle: null,
  granted: null,
})

describe('units', () => {
  it('are made of everybody but oneself', () => {
    const people = [
      participant('me', ['microphone'], true),
      participant('a', ['microphone', 'screen']),
      participant('b', []),
      participant('c', ['camera']),
    ]
    expect(unitsOf(people)).toEqual({ on: [screen('a'), person('a'), person('c')], quiet: [person('b')] })
  })

  it('are made of the own group alone', () => {
    const inGroup = (name: string, group: number | null, isSelf = false) => ({ ...participant(name, ['camera'], isSelf), group })
    const people = [inGroup('me', 1, true), inGroup('a', 1), inGroup('b', 0), inGroup('c', null)]
    expect(unitsOf(people).on).toEqual([person('a')])
    expect(unitsOf([inGroup('me', null, true), ...people.slice(1)]).on).toEqual([person('c')])
  })

  it('pair a voice with its face and a screen with its sound', () => {
    expect(tracksOf(person('a'))).toEqual({
      sound: { participant: 'a', source: 'microphone' },
      picture: { participant: 'a', source: 'camera' },
    })
    expect(tracksOf(screen('a')).sound.source).toBe('screen_audio')
  })
})

describe('a pool of pairs', () => {
  const pool = (size: number): PairPool => {
    const made = new PairPool()
    made.grow(size)
    return made
  }

  it('moves nobody who already has a pair', () => {
    const pairs = pool(3)
    pairs.assign([person('a'), person('b')], [])
    pairs.assign([person('b'), person('c')], [])
    expect(pairs.find(person('b'))).toBe(1)
    expect(pairs.find(person('a'))).toBeNull()
    expect(pairs.find(person('c'))).not.toBeNull()
  })

  it('says how many found no place, and places them after growing', () => {
    const pairs = pool(2)
    const units = ['a', 'b', 'c', 'd', 'e'].map(person)
    expect(pairs.assign(units, [])).toBe(3)
    pairs.grow(4)
    expect(pairs.assign(units, [])).toBe(0)
    expect(new Set(units.map((unit) => pairs.find(unit))).size).toBe(5)
  })

  it('lends free pairs to the quiet and takes them back for those who have something on', () => {
    const pairs = pool(2)
    expect(pairs.assign([], [person('q'), person('r'), person('s')])).toBe(0)
    expect(pairs.find(person('s'))).toBeNull()
    expect(pairs.assign([person('s')], [person('q'), person('r')])).toBe(0)
    expect(pairs.find(person('s'))).not.toBeNull()
  })

  it('keeps the pair of somebody who turns quiet and loud again', () => {
    const pairs = pool(2)
    pairs.assign([person('a'), person('b')], [])
    const before = pairs.find(person('b'))
    pairs.assign([], [person('a'), person('b')])
    pairs.assign([person('b')], [person('a')])
    expect(pairs.find(person('b'))).toBe(before)
  })

  it('fills the pair that has been empty longest', () => {
    const pairs = pool(2)
    pairs.assign([person('a'), person('b')], [])
    pairs.assign([person('b')], [])
    pairs.assign([], [])
    pairs.assign([person('c')], [])
    expect(pairs.unitAt(0)).toEqual(person('c'))
  })

  it('never gives one pair to two units, whatever comes and goes', () => {
    const pairs = pool(4)
    let seed = 7
    const random = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647
    for (let round = 0; round < 500; round++) {
      const all = Array.from('abcdefgh').flatMap((name) => [person(name), screen(name)])
      const on = all.filter(() => random() < 0.2)
      const quiet = all.filter((unit) => !on.includes(unit) && unit.kind === 'person')
      const missing = pairs.assign(on, quiet)
      const placed = on.map((unit) => pairs.find(unit)).filter((index) => index !== null)
      expect(placed.length).toBe(Math.min(on.length, 4))
      expect(missing).toBe(Math.max(0, on.length - 4))
      expect(new Set(placed).size).toBe(placed.length)
      if (round % 50 === 49) pairs.assign([], [])
    }
  })
})
