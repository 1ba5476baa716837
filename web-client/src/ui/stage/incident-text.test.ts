import { beforeEach, describe, expect, it } from 'vitest'
import { classOf } from '../../../gallery/fake-call'
import { INITIAL_MODEL } from '../../call/model'
import type { CallState } from '../../call/state'
import { language } from '../../i18n'
import { OPEN_RULES } from '../../protocol/samples'
import { incidentText } from './incident-text'

const AT = new Date(Date.UTC(2026, 10, 28, 9, 12))
const state: CallState = {
  ...INITIAL_MODEL.view,
  rules: OPEN_RULES,
  participants: classOf(3).map((one, index) => (index === 2 ? { ...one, group: 1, handle: 'handle', away: true } : one)),
}

beforeEach(() => {
  language.value = 'fr'
})

describe('the report of an incident', () => {
  it('holds the note, the moment, who is there with what they have on, and the rules', () => {
    const about = state.participants[1]?.id ?? null
    const lines = incidentText(state, { note: '  Une image blessante.\n', about, at: AT }, () => null).split('\n')
    expect(lines[1]).toContain('28 novembre 2026')
    expect(lines).toContain('Personne concernée\u00a0: Camille')
    expect(lines).toContain('Une image blessante.')
    expect(lines).toContain('- Mme Lefèvre ; Anime la réunion ; auteur du signalement')
    expect(lines).toContain('- Camille ; micro allumé ; caméra allumée')
    expect(lines).toContain('- Fermer à clé : non')
    expect(lines).toContain('- Les invités peuvent : Partager leur écran : oui')
  })

  it('names the holder of a personal link as the teacher knows them, and nobody’s address or link', () => {
    const text = incidentText(state, { note: '', about: null, at: AT }, ({ handle }) => (handle === null ? null : 'Zoé Quetzal, 5e B'))
    expect(text).toContain('Invité 3 (lien personnel de Zoé Quetzal, 5e B) ; Groupe 2 ; connexion interrompue')
    expect(text).toContain('Personne concernée\u00a0: aucune en particulier')
    for (const id of state.participants.map(({ id }) => id)) expect(text).not.toContain(id)
    expect(text).not.toContain('handle')
  })

  it('says nothing about pictures in a room of voices', () => {
    const text = incidentText({ ...state, rules: { ...OPEN_RULES, video: false } }, { note: '', about: null, at: AT }, () => null)
    expect(text).not.toContain('leur caméra')
  })
})
