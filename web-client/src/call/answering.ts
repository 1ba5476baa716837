// Says the person's answer to a recording to the server, and a no until it is heard.

import { type Answer, type Request, RequestError } from '../protocol/connection'
import type { RecordingInfo } from '../protocol/generated'
import type { CallEvent, CallModel } from './model'
import type { WantedAnswer } from './recording'

/** What it works with. */
export interface AnsweringAround {
  model(): CallModel
  request(request: Request): Promise<Answer>
  dispatch(event: CallEvent): void
  /** In an encrypted room: what a yes takes there; `null` elsewhere. */
  keys(): KeyRelease | null
}

/** See `Releasing`. */
export interface KeyRelease {
  beginRelease(info: RecordingInfo): Promise<boolean>
  haltRelease(): void
  endRelease(): Promise<void>
}

/** One page's answers. */
export class Answering {
  constructor(private readonly around: AnsweringAround) {}

  /** Says an answer, and tells the call what became of it. */
  async send(answer: WantedAnswer): Promise<void> {
    const { around } = this
    const keys = around.keys()
    // A yes that is still being prepared is not said after a no.
    if (!answer.accepted) keys?.haltRelease()
    let isSaid = false
    try {
      if (keys !== null && answer.accepted && !(await this.release(keys, answer))) return
      isSaid = true
      const settled = await around.request({ type: 'answer_recording', ...answer })
      const receipt = settled.type === 'recording_answered' ? settled.receipt : null
      around.dispatch({ type: 'recording_settled', answer, receipt, inDoubt: false })
      if (!answer.accepted) void keys?.endRelease()
    } catch (error) {
      void keys?.endRelease()
      const code = error instanceof RequestError ? error.code : 'lost'
      // Lost with the socket: said again at the next `joined`.
      if (code === 'lost' && around.model().signaling !== 'up') return
      // The same word twice in one breath is refused, and the first counts.
      const inDoubt = isSaid && (code === 'lost' || code === 'rate_limited')
      around.dispatch({ type: 'recording_settled', answer, receipt: null, inDoubt })
      around.dispatch({ type: 'request_refused', problem: code === 'lost' ? 'server_unreachable' : code })
      if (!answer.accepted && code !== 'no_recording') setTimeout(() => { this.sayNoAgain(answer); }, NO_AGAIN_MS)
    }
  }

  /** Hands the own keys out first; false where the person has changed their mind meanwhile. */
  private async release(keys: KeyRelease, answer: WantedAnswer): Promise<boolean> {
    const { info } = this.around.model().view.recording
    return info?.recording === answer.recording && keys.beginRelease(info)
  }

  /** A no that was not heard is said until it is, unless the person says otherwise. */
  private sayNoAgain(answer: WantedAnswer): void {
    const { view, signaling } = this.around.model()
    const { info, chosen, settled } = view.recording
    const stands = info?.recording === answer.recording && (chosen === 'refused' || chosen === 'withdrawn')
    if (stands && chosen !== settled && signaling === 'up') void this.send(answer)
  }
}

/** Lower: a server that refuses is asked more often. Higher: a no is heard later. */
const NO_AGAIN_MS = 2_000
