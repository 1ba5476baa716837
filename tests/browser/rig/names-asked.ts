import { createSocket, type Socket } from 'node:dgram'
import { RESOLVER } from './island.ts'

/** Bytes before the question of a DNS message (RFC 1035, section 4.1.1). */
const HEADER = 12

/** Stands in the place of a name server: hears every question and knows no name. */
export class NamesAsked {
  readonly names = new Set<string>()

  private constructor(private readonly socket: Socket) {
    socket.on('message', (question, from) => {
      this.names.add(nameIn(question))
      // The question back, as an answer without any: "no such name".
      const answer = Buffer.from(question)
      answer.writeUInt16BE(0x8183, 2)
      socket.send(answer, from.port, from.address)
    })
  }

  static async listen(): Promise<NamesAsked> {
    const socket = createSocket('udp4')
    await new Promise<void>((ready, failed) => {
      socket.once('error', failed)
      socket.bind(53, RESOLVER, ready)
    })
    return new NamesAsked(socket)
  }

  close(): void {
    this.socket.close()
  }
}

function nameIn(question: Buffer): string {
  const labels: string[] = []
  for (let at = HEADER; at < question.length && question[at] !== 0; at += 1 + (question[at] ?? 0)) {
    labels.push(question.subarray(at + 1, at + 1 + (question[at] ?? 0)).toString('latin1'))
  }
  return labels.join('.').toLowerCase()
}
