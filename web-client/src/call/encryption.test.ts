import { signal } from '@preact/signals'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type RoomCode, sealLobbyName } from '../e2ee/link-keys'
import type { OwnKeys } from '../e2ee/own-keys'
import { signRecording } from '../e2ee/recipients'
import type { EncryptedSession, MemberInfo, SessionAround, SessionFault, SessionState, SessionWarning } from '../e2ee/session-types'
import { hostKeyOf } from '../host-key'
import { type Link, makeSecret, toBase64Url } from '../link'
import { type Answer, type Request, RequestError } from '../protocol/connection'
import type { RecordingInfo, Role, ServerMessage } from '../protocol/generated'
import { OPEN_RULES, QUIET_ROOM } from '../protocol/samples'
import { Encryption } from './encryption'
import type { Problem } from './state'

const id = (n: number) => toBase64Url(new Uint8Array(8).fill(n))
const [ME, TEA, PAL] = [id(1), id(2), id(3)]
const LINK: Link = {
  room: toBase64Url(new Uint8Array(16).fill(7)),
  role: 'guest',
  secret: makeSecret(),
  admission: null,
  encryption: { open: false, raw: false, fingerprint: makeSecret(), certificate: null },
}
const QUESTION = { question: 'Compris ?', choices: ['oui', 'non'], key: 'k', nonce: 'n' }

/** What keeps the keys, with the keys left out: all that the call asks of it is noted. */
class Keys {
  readonly asked: unknown[][] = []
  readonly state = signal<SessionState>('member')
  readonly fault = signal<SessionFault | null>(null)
  readonly warnings = signal<readonly SessionWarning[]>([])
  readonly code = signal<RoomCode | null>(null)
  hostKey: Uint8Array<ArrayBuffer> | null = null
  readonly ownKeys = signal<OwnKeys | null>({ epoch: 1, leaf: 0, baseKey: new Uint8Array(16) })
  readonly counts = signal({ present: 2, encrypted: 2 })
  readonly members = signal<ReadonlyMap<string, MemberInfo>>(new Map())
  readonly guestSecret = signal<Uint8Array<ArrayBuffer> | null>(LINK.secret)
  readonly epoch = signal<number | null>(1)
  readonly asking = signal<ReadonlyMap<string, string>>(new Map())
  readonly isGivenUp = signal(false)
  readonly intrusions = signal(0)
  readonly frames = { isGivenUp: this.isGivenUp, intrusions: this.intrusions } as never
  around!: SessionAround

  joinPart = (name: string | null) => Promise.resolve({ memberKey: 'key', sealedName: name === null ? null : `sealed ${name}` })
  hear = () => undefined
  say = (...args: unknown[]) => this.note('say', args)
  admit = (candidates: readonly { participant: string }[]) =>
    Promise.resolve(candidates.map(({ participant }) => ({ participant, admission: `for ${participant}` })))
  putOut = (...args: unknown[]) => void this.note('putOut', args)
  sayLink = (...args: unknown[]) => this.note('sayLink', args)
  grant = (...args: unknown[]) => this.note('grant', args)
  sayPolicy = (...args: unknown[]) => this.note('sayPolicy', args)
  admitDelegate = (...args: unknown[]) => this.note('admitDelegate', args)
  setAudience = (...args: unknown[]) => void this.note('setAudience', args)
  setLevel = (...args: unknown[]) => void this.note('setLevel', args)
  sealQuestion = () => Promise.resolve('sealed question')
  openQuestion = (by: string) => Promise.resolve({ role: by === TEA ? 'moderator' : 'guest', question: QUESTION, missedBy: [] })
  sealBallot = (_: unknown, poll: number, choice: number) => Promise.resolve(`ballot ${poll} ${choice}`)
  tally = (_: unknown, __: number, ballots: readonly string[]) => Promise.resolve([ballots.length, 0])
  close = () => void this.note('close', [])
  rotate = () => {
    this.ownKeys.value = { epoch: 2, leaf: 0, baseKey: new Uint8Array(16).fill(2) }
    return this.note('rotate', [])
  }

  private note(name: string, args: unknown[]): Promise<void> {
    this.asked.push([name, ...args])
    return Promise.resolve()
  }

  /** What was asked of this kind since it was last looked at. */
  of(name: string): unknown[][] {
    const found = this.asked.filter(([one]) => one === name).map(([, ...args]) => args)
    this.asked.splice(0, this.asked.length, ...this.asked.filter(([one]) => one !== name))
    return found
  }
}

let keys: Keys
let told: ServerMessage[]
let problems: Problem[]
let requests: Request[]
let vouched: [RecordingInfo, boolean][]
let links: Link[]
let page: Encryption

const info = (participant: string, group: number | null = null, role: Role = 'guest') => ({
  participant, displayName: 'Invité 9', role, active: [], away: false, group, handle: null, granted: null,
})
const joined = (role: Role = 'guest'): ServerMessage => ({
  type: 'joined',
  participant: ME,
  displayName: 'Invité 1',
  role,
  resumed: false,
  resume: 'token',
  participants: [info(TEA, null, 'moderator'), info(PAL)],
  ...QUIET_ROOM,
  encryption: { hostKey: 'h', circle: null, admission: null },
})
const member = (participant: string, leaf: number, role: Role): [string, MemberInfo] => [participant, { participant, leaf, role }]

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  keys = new Keys()
  told = []
  problems = []
  requests = []
  vouched = []
  links = []
  page = new Encryption(
    LINK,
    null,
    null,
    {
      request: (request) => {
        requests.push(request)
        return Promise.resolve<Answer>({ type: 'done', requestId: 1 })
      },
      tell: (message) => void told.push(message),
      handleProblem: (problem) => void problems.push(problem),
      handleFault: (problem) => void problems.push(problem),
      handleLink: () => undefined,
      handleKept: () => undefined,
      handleRecipients: (info, good) => void vouched.push([info, good]),
    },
    (link, _, around) => {
      links.push(link)
      keys.around = around
      return Promise.resolve(keys as unknown as EncryptedSession)
    },
  )
  await page.prepare(' Zoé ')
})

afterEach(() => {
  vi.useRealTimers()
})

describe('in an encrypted room', () => {
  it('joins without a name in clear, and says it to members', async () => {
    expect(page.join).toEqual({ memberKey: 'key', sealedName: 'sealed Zoé', displayName: null })
    page.hear(joined())
    keys.around.handleMember()
    await Promise.resolve()
    expect(keys.of('say')).toEqual([[{ t: 'hello', name: 'Zoé' }, 'everybody']])
    expect(told).toMatchObject([{ type: 'joined', displayName: 'Zoé' }])
    expect(page.kept.name).toBe('Zoé')
  })

  it('keeps the name of the page before where none is typed', async () => {
    await page.prepare('')
    expect(page.join.sealedName).toBe('sealed Zoé')
  })

  it('has new keys for whoever tries again after it was closed, and nothing of before but the name', async () => {
    page.hear(joined())
    page.showCameraTo(true)
    expect(keys.of('setLevel')).toEqual([['camera', 2]])
    const before = keys
    const replaced = { ...LINK, secret: makeSecret() }
    before.around.handleLink(replaced)
    keys = new Keys()
    page.close()
    expect(before.of('close')).toHaveLength(1)
    expect(page.frames).toBeNull()
    expect(() => page.join).toThrow(TypeError)
    await page.prepare(null)
    expect(page.join.sealedName).toBe('sealed Zoé')
    expect(page.frames).toBe(keys.frames)
    expect(links).toEqual([LINK, replaced])
    page.hear(joined())
    expect(keys.of('setLevel')).toEqual([['camera', 2]])
    before.fault.value = 'clock'
    expect(problems).toEqual([])
  })

  it('closes what opens when nobody waits for it any more', async () => {
    page.close()
    const late = page.prepare(null)
    page.close()
    await expect(late).rejects.toEqual(new RequestError('lost'))
    expect(keys.of('close')).toHaveLength(2)
    expect(page.frames).toBeNull()
  })

  it('says among members what the server must not know, and asks the server the rest', async () => {
    page.hear(joined())
    await page.request({ type: 'chat', audience: 'everybody', text: 'Salut' })
    await page.request({ type: 'raise_hand', raised: true })
    await page.request({ type: 'call_help' })
    expect(keys.of('say')).toEqual([
      [{ t: 'chat', text: 'Salut' }, 'group'],
      [{ t: 'hand', raised: true }, 'everybody'],
    ])
    expect(requests).toEqual([{ type: 'call_help' }])
    await expect(page.request({ type: 'clear_opinions' })).rejects.toEqual(new RequestError('not_allowed'))
    keys.around.handleSaid({ participant: PAL, role: 'guest' }, 'group', { t: 'chat', text: 'Oui' })
    expect(told.at(-1)).toEqual({ type: 'chatted', participant: PAL, audience: 'everybody', text: 'Oui' })
  })

  it('keeps a click until there are keys, and gives up in the end', async () => {
    keys.state.value = 'joining'
    page.hear(joined())
    const early = page.request({ type: 'react', reaction: 'heart' })
    keys.state.value = 'member'
    await early
    keys.state.value = 'joining'
    const never = expect(page.request({ type: 'react', reaction: 'heart' })).rejects.toEqual(new RequestError('lost'))
    await vi.advanceTimersByTimeAsync(10_000)
    await never
    expect(keys.of('say')).toHaveLength(1)
  })

  it('asks questions sealed, votes sealed, and tells the result', async () => {
    page.hear(joined('moderator'))
    await page.request({ type: 'open_poll', question: 'Compris ?', choices: ['oui', 'non'] })
    await expect(page.request({ type: 'open_poll', question: ' ', choices: ['oui', 'non'] })).rejects.toEqual(new RequestError('malformed'))
    page.hear({ type: 'mls_poll_opened', poll: 4, sealed: 'sealed question', by: TEA })
    await vi.waitFor(() => {
      expect(told.at(-1)).toMatchObject({ type: 'poll_changed', poll: { poll: 4, question: 'Compris ?' } })
    })
    await page.request({ type: 'vote', poll: 4, choice: 1 })
    page.hear({ type: 'mls_ballots', poll: 4, ballots: ['a', 'b'] })
    page.hear({ type: 'mls_poll_closed', poll: 4 })
    await vi.waitFor(() => {
      expect(keys.of('say')).toEqual([[{ t: 'poll_result', poll: 4, results: [2, 0] }, 'everybody']])
    })
    expect(requests).toEqual([
      { type: 'mls_open_poll', sealed: 'sealed question' },
      { type: 'mls_vote', poll: 4, ballot: 'ballot 4 1' },
    ])
  })

  it('reads names in the lobby, and signs for those it lets in', async () => {
    page.hear(joined('moderator'))
    const waiting = [
      { participant: id(8), displayName: 'Invité 8', memberKey: 'eight', sealedName: await sealLobbyName(LINK.secret, LINK.room, 'Anselme') },
      { participant: id(9), displayName: 'Invité 9', memberKey: 'nine', sealedName: await sealLobbyName(makeSecret(), LINK.room, 'Faux') },
    ]
    page.hear({ type: 'waiting_changed', waiting })
    await vi.waitFor(() => {
      expect(told.at(-1)).toMatchObject({ waiting: [{ displayName: 'Anselme' }, { displayName: 'Invité 9' }] })
    })
    await page.request({ type: 'admit', participants: [id(9)], admissions: [] })
    await page.request({ type: 'admit', participants: null, admissions: [] })
    expect(requests).toEqual([
      { type: 'admit', participants: [id(9)], admissions: [{ participant: id(9), admission: `for ${id(9)}` }] },
      { type: 'admit', participants: null, admissions: [8, 9].map((n) => ({ participant: id(n), admission: `for ${id(n)}` })) },
    ])
  })

  it('lets a moderator vouch for somebody who is in the room without anybody’s word', async () => {
    page.hear(joined('moderator'))
    keys.asking.value = new Map([[PAL, 'pal key']])
    await vi.waitFor(() => {
      expect(told.at(-1)).toMatchObject({ type: 'waiting_changed', waiting: [{ participant: PAL, displayName: 'Invité 9' }] })
    })
    await page.request({ type: 'refuse_entry', participant: PAL, reason: null })
    await page.request({ type: 'admit', participants: [PAL], admissions: [] })
    expect([keys.of('grant'), requests]).toEqual([[[PAL]], [{ type: 'eject', participant: PAL }]])
    await page.request({ type: 'eject', participant: TEA })
    expect(keys.of('putOut')).toEqual([
      [PAL, true],
      [TEA, true],
    ])
    keys.asking.value = new Map()
    await vi.waitFor(() => {
      expect(told.at(-1)).toEqual({ type: 'waiting_changed', waiting: [] })
    })
  })

  it('tells the circle of a lobby that opens or closes', async () => {
    page.hear(joined('moderator'))
    const was = OPEN_RULES.open
    await page.request({ type: 'set_rules', was, rules: { ...was, lobby: true } })
    await page.request({ type: 'set_rules', was, rules: { ...was, locked: true } })
    expect([keys.of('sayPolicy'), requests.length]).toEqual([[[true]], 2])
  })

  it('tells the circle of a new link, and signs for a new moderator', async () => {
    page.hear(joined('moderator'))
    await page.request({ type: 'rotate_link', guestVerifier: 'v', generation: 3 })
    await page.request({ type: 'set_role', participant: PAL, role: 'moderator', delegation: null })
    await page.request({ type: 'set_role', participant: PAL, role: 'guest', delegation: null })
    expect([keys.of('sayLink'), keys.of('admitDelegate')]).toEqual([[[3]], [[PAL]]])
  })

  it('gives the keys of a group to the group, and of a hidden camera to proven moderators', () => {
    keys.members.value = new Map([member(TEA, 0, 'moderator'), member(PAL, 1, 'guest')])
    page.hear(joined())
    keys.asked.splice(0)
    page.showCameraTo(true)
    expect(keys.of('setLevel')).toEqual([['camera', 2]])
    expect(keys.of('setAudience').at(-1)).toEqual([2, [TEA]])
    page.hear({ type: 'groups_changed', places: [ME, PAL].map((participant) => ({ participant, group: 1 })) })
    expect(keys.of('setLevel')).toEqual([['microphone', 1], ['screen', 1], ['screen_audio', 1]])
    expect(keys.of('setAudience')).toContainEqual([1, [ME, PAL]])
    page.showCameraTo(false)
    page.hear({ type: 'groups_changed', places: [{ participant: ME, group: null }] })
    expect(keys.of('setLevel')).toEqual([['camera', 1], ['camera', 0], ['microphone', 0], ['screen', 0], ['screen_audio', 0]])
    // The server alone says that somebody is a moderator: their leaf does not.
    page.hear({ type: 'role_changed', participant: PAL, role: 'moderator', delegation: null })
    expect(keys.of('setAudience').at(-1)).toEqual([2, [TEA]])
  })

  it('tells the totals where it is the first moderator', async () => {
    keys.members.value = new Map([member(ME, 0, 'moderator'), member(TEA, 1, 'moderator')])
    page.hear(joined('moderator'))
    keys.around.handleSaid({ participant: PAL, role: 'guest' }, 'moderators', { t: 'opinion', opinion: 'yes' })
    await vi.advanceTimersByTimeAsync(2_000)
    expect(keys.of('say')).toMatchObject([[{ t: 'opinions', totals: { yes: 1 }, cleared: false }, 'everybody']])
    keys.members.value = new Map([member(TEA, 0, 'moderator'), member(ME, 1, 'moderator')])
    keys.around.handleSaid({ participant: PAL, role: 'guest' }, 'moderators', { t: 'opinion', opinion: 'no' })
    await vi.advanceTimersByTimeAsync(2_000)
    expect(keys.of('say')).toEqual([])
  })

  it('raises an alarm when somebody stays without keys, and takes it back', async () => {
    keys.counts.value = { present: 3, encrypted: 2 }
    await vi.advanceTimersByTimeAsync(4_000)
    expect(page.view.value).toMatchObject({ progress: 'ready', differs: false })
    await vi.advanceTimersByTimeAsync(2_000)
    expect(page.view.value.differs).toBe(true)
    keys.counts.value = { present: 3, encrypted: 3 }
    expect(page.view.value.differs).toBe(false)
  })

  it('tells what people should know, once, and why it will not stay', () => {
    keys.warnings.value = [{ kind: 'moderator', participant: PAL }]
    keys.warnings.value = [...keys.warnings.value, { kind: 'refused', why: 'ghost' }]
    keys.fault.value = 'other_host_key'
    expect(problems).toEqual(['moderator_appeared', 'circle_refused', 'encryption_other_key'])
  })

  it('goes on telling what is refused, however much was before', () => {
    const refused = Array.from({ length: 30 }, (_, index) => ({ kind: 'refused', why: String(index) }) as const)
    // No more than twenty are kept.
    for (let count = 1; count <= refused.length; count++) keys.warnings.value = refused.slice(Math.max(0, count - 20), count)
    expect(problems).toEqual(refused.map(() => 'circle_refused'))
  })

  it('tells of frames that nobody sealed, each time anew', () => {
    keys.intrusions.value = 1
    keys.intrusions.value = 2
    expect(problems).toEqual(['frames_refused', 'frames_refused'])
  })

  it('tells that nothing is encrypted any more, and what to do', () => {
    keys.isGivenUp.value = true
    expect(problems).toEqual(['encryption_stopped'])
    expect(page.view.value.progress).toBe('stopped')
  })

  it('is deaf to what the server says of class life', () => {
    page.hear(joined())
    told.splice(0)
    page.hear({ type: 'chatted', participant: TEA, audience: 'everybody', text: 'Faux' })
    page.hear({ type: 'rules_changed', rules: OPEN_RULES, rights: OPEN_RULES.open.guests })
    expect(told.map(({ type }) => type)).toEqual(['rules_changed'])
  })
})

describe('a recording of an encrypted room', () => {
  const MODERATOR = new Uint8Array(16).fill(9)
  const RECIPIENT = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'
  const told = async (): Promise<RecordingInfo> => {
    const asked = {
      recording: LINK.room,
      terms: { purpose: 'revision', details: 'Les volcans', retentionDays: 7, audience: 'La classe' },
      askedBy: TEA,
      recipients: [{ name: null, key: RECIPIENT }],
    } as const
    return {
      ...asked,
      recipients: [...asked.recipients],
      askedByName: 'Invité 2',
      recipientsSignature: await signRecording(MODERATOR, LINK.room, { ...asked, recipients: [...asked.recipients] }),
      startedAt: 1_800_000_000,
      textVersion: 1,
    }
  }

  it('is vouched for by the host key of the link, whichever is known first', async () => {
    const good = await told()
    const bad = { ...good, recipients: [...good.recipients, { name: 'Direction', key: RECIPIENT }] }
    page.hear(joined())
    page.hear({ type: 'recording_changed', recording: good, end: null })
    await new Promise(setImmediate)
    expect(vouched).toEqual([])
    keys.hostKey = (await hostKeyOf(MODERATOR)).publicKey
    keys.code.value = { words: ['un', 'deux', 'trois'], digits: '123456' }
    await vi.waitFor(() => { expect(vouched).toEqual([[good, true]]); })
    page.hear({ type: 'recording_changed', recording: bad, end: null })
    await vi.waitFor(() => { expect(vouched.slice(1)).toEqual([[bad, false]]); })
    await expect(page.beginRelease(bad)).rejects.toThrow(RequestError)
    expect(keys.of('rotate')).toEqual([])
  })

  it('that ends, or is asked about again, leaves what was handed out behind', async () => {
    const info = await told()
    keys.hostKey = (await hostKeyOf(MODERATOR)).publicKey
    for (const next of [null, info]) {
      page.hear(joined())
      page.hear({ type: 'recording_changed', recording: info, end: null })
      expect(await page.beginRelease(info)).toBe(true)
      expect(keys.of('rotate')).toHaveLength(1)
      expect(requests.filter(({ type }) => type === 'release_keys')).toHaveLength(1)
      requests = []
      page.hear({ type: 'recording_changed', recording: next, end: next === null ? 'stopped' : null })
      await vi.waitFor(() => { expect(keys.of('rotate')).toHaveLength(1); })
    }
  })
})
