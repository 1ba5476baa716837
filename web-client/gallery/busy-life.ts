// A lesson in which everything goes on at once, for looking at it.

import { type ClassLife, QUIET_LIFE } from '../src/call/class-life'
import type { Participant } from '../src/call/state'

/** What goes on among these people; `minutes` are left of the timer. */
export function busyLife(participants: readonly Participant[], minutes = 4): ClassLife {
  const [self, first, second, third] = participants
  if (self === undefined || first === undefined || second === undefined || third === undefined) return QUIET_LIFE
  const line = (key: number, writer: Participant, text: string, audience: 'everybody' | 'moderators' = 'everybody') => ({
    key,
    participant: writer.id,
    displayName: writer.displayName,
    isSelf: writer.isSelf,
    audience,
    text,
    at: key * 60_000,
  })
  return {
    ...QUIET_LIFE,
    hands: [second.id, self.id, third.id],
    opinions: { yes: 12, no: 3, slower: 1, faster: 0 },
    ownOpinion: 'yes',
    timerEndsAt: performance.now() + minutes * 60_000 + 32_000,
    poll: {
      poll: 1,
      question: 'À quel état l’eau de la bouilloire passe-t-elle ?',
      choices: ['Solide', 'Liquide', 'Gazeux', 'Je ne sais pas encore'],
      ballots: 17,
      hasVoted: false,
      choice: null,
    },
    result: {
      poll: 0,
      question: 'Avez-vous lu le chapitre 3 ?',
      choices: ['Oui', 'Non', 'En partie'],
      results: [14, 3, 8],
    },
    chat: [
      line(1, first, 'Bonjour !'),
      line(2, self, 'Le document est ici : https://fr.vikidia.org/wiki/Cycle_de_l’eau, lisez la première partie.'),
      line(3, second, 'Je n’entends pas bien, est-ce que c’est moi ?', 'moderators'),
      line(4, third, 'Merci'),
      line(5, third, 'On a jusqu’à quelle heure ?'),
    ],
    reactions: [
      { key: 6, participant: first.id, displayName: first.displayName, reaction: 'applause', at: performance.now() },
      { key: 7, participant: second.id, displayName: second.displayName, reaction: 'applause', at: performance.now() },
      { key: 8, participant: third.id, displayName: third.displayName, reaction: 'heart', at: performance.now() },
    ],
    nextKey: 9,
  }
}
