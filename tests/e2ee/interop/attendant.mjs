// One page's part in the circle, run by what comes over standard input: what it asks of the server goes
// out, and waits until the answer comes in.

/** What a page does in between is done before it answers: it waits for the server, or for nothing. */
export class Attendant {
  #circle
  #one
  #where
  #now = 0
  #present = new Set()
  /** One thing after the other, as in the page. */
  #queue = Promise.resolve()
  /** Requests that are not answered yet. */
  #waiting = new Map()
  #serial = 0
  /** The request that everything else waits for. */
  #blockedBy = null
  #stop = () => undefined
  /** What happened since it was last told. */
  #asked = []
  #epochs = []
  #refused = []

  /** `where` describes an epoch. */
  constructor(Circle, one, where) {
    this.#one = one
    this.#where = where
    this.#circle = new Circle(one.context, {
      judge: { ...one.judge, isPresent: (participant) => this.#present.has(participant) },
      request: (request) => this.#request(request),
      newestLink: () => 0,
      handleEpoch: async (epoch) => {
        this.#epochs.push(await where(epoch))
      },
      handleOut: () => undefined,
      handleRefused: (why) => {
        this.#refused.push(why)
      },
      handleGivenUp: () => {
        this.#refused.push('given up')
      },
    })
  }

  /** The server said `joined`. */
  enter({ present, place, now }) {
    this.#now = now
    this.#present = new Set(present)
    return this.#run(() => this.#circle.enter(this.#one.own, place, this.#now))
  }

  hear({ message, now }) {
    this.#now = now
    return this.#run(() => {
      if (message.type === 'participant_joined') this.#present.add(message.participant.participant)
      if (message.type === 'participant_left') this.#present.delete(message.participant)
      return this.#circle.hear(message, this.#now)
    })
  }

  wake({ now }) {
    this.#now = now
    return this.#run(() => this.#circle.wake(this.#now))
  }

  answer({ request, outcome, now }) {
    this.#now = now
    const resolve = this.#waiting.get(request)
    this.#waiting.delete(request)
    if (this.#blockedBy === request) this.#blockedBy = null
    resolve?.(outcome)
    return this.#run(() => Promise.resolve())
  }

  #request(request) {
    const serial = (this.#serial += 1)
    this.#asked.push({ request: serial, ...request })
    return new Promise((resolve) => {
      this.#waiting.set(serial, resolve)
      // Nothing waits for the answer to this one.
      if (request.type === 'mls_ready') return
      this.#blockedBy = serial
      this.#stop()
    })
  }

  async #run(step) {
    this.#queue = this.#queue.then(step)
    if (this.#blockedBy === null) {
      const stopped = new Promise((resolve) => {
        this.#stop = resolve
      })
      await Promise.race([this.#queue, stopped])
    }
    const told = {
      asked: this.#asked,
      epochs: this.#epochs,
      refusals: this.#refused,
      wakeAt: this.#blockedBy === null ? this.#circle.wakeAt() : null,
      at: this.#circle.current === null ? null : await this.#where(this.#circle.current),
    }
    this.#asked = []
    this.#epochs = []
    this.#refused = []
    return told
  }
}
