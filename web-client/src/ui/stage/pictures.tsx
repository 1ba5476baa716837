// What is looked at: people, and the screen somebody shares.

import { useComputed } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { nearby, type ParticipantId } from '../../call/state'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Icon } from '../icons'
import { arrange } from './arrange'
import { plan } from './layout'
import { putAt, useSize } from './measure'
import { ordered } from './order'
import { Pager } from './pager'
import { SharedScreen, useSharer } from './screen-share'
import { useSwipe } from './swipe'
import { Tile } from './tile'
import { pageOf, turnPages, usePart, useTurns, type View } from './view'

/** What the pictures need. */
export interface PicturesProps {
  call: Call
  view: View
  /** Opens the field for another pseudonym. Always the same function: tiles are drawn again for another. */
  rename: () => void
  /** Shows the link to send; `null` for those who have none. */
  invite: (() => void) | null
}

/** Everybody's picture, and a shared screen. Only what is on the page of tiles is in the document. */
export function Pictures({ call, view, rename, invite }: PicturesProps) {
  const everybody = usePart(call, ({ participants }) => participants)
  const people = nearby(everybody)
  const inGroups = everybody.length > people.length
  const spotlight = usePart(call, ({ life }) => life.spotlight)
  const sharer = useSharer(call)
  const turns = useTurns(call)
  const floor = useComputed(() => turns.value.floor).value
  const recent = useComputed(() => turns.value.recent).value
  const scene = useRef<HTMLDivElement>(null)
  const tiles = useRef<HTMLUListElement>(null)
  const order = useRef<readonly ParticipantId[]>([])
  const size = useSize(scene)

  const { layout, large, small } = arrange({
    people,
    sharer: sharer.shown?.id ?? null,
    floor,
    pins: view.pins.value,
    spotlight,
    layout: view.layout.value,
  })
  const places = plan({
    ...(size ?? NO_SIZE),
    screen: sharer.shown !== null,
    large: large.length,
    small: small.length,
    halves: layout === 'grid',
  })
  const leading = large.slice(0, places.large.length)
  const others = ordered(order.current, [...large.slice(leading.length), ...small], recent, places.perPage)
  order.current = others.map(({ id }) => id)
  const pages = Math.max(1, Math.ceil(others.length / places.perPage))
  const page = pageOf(view.page.value, pages)
  const onPage = others.slice(page * places.perPage, (page + 1) * places.perPage)
  const boxes = [...places.large, ...places.small]
  useSwipe(scene, (by) => {
    turnPages(view, by)
  })
  useLayoutEffect(() => {
    view.pages.value = pages
    putAt(scene.current?.querySelector('.shared'), places.screen)
    putAt(scene.current?.querySelector('.pager'), places.pager)
    Array.from(tiles.current?.children ?? [], (tile, index) => {
      putAt(tile, boxes[index])
    })
  })
  const alone = people.length === 1
  return (
    <div class="pictures" data-layout={layout} data-alone={String(alone)}>
      <div ref={scene} class="scene">
        {sharer.shown !== null && <SharedScreen key={sharer.shown.id} call={call} sharer={sharer} />}
        <ul ref={tiles} class="tiles" aria-label={t('call.stage')}>
          {size !== null &&
            [...leading, ...onPage].map((participant) => (
              <Tile
                key={participant.id}
                call={call}
                view={view}
                participant={participant}
                large={leading.includes(participant)}
                rename={rename}
              />
            ))}
        </ul>
        {places.pager !== null && <Pager view={view} page={page} pages={pages} />}
      </div>
      {alone && (
        <div class="alone">
          <p class="strong">{t(inGroups ? 'group.elsewhere' : 'call.alone')}</p>
          {!inGroups && <p>{t(invite === null ? 'call.aloneGuest' : 'call.aloneModerator')}</p>}
          {!inGroups && invite !== null && (
            <button type="button" class="button button-secondary" onClick={invite}>
              <Icon name="invite" />
              {t('call.invite')}
            </button>
          )}
        </div>
      )}
    </div>
  )
}

/** Before the first look at the window. */
const NO_SIZE = { width: 0, height: 0 }
