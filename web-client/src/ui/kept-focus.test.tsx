// @vitest-environment happy-dom
import { signal } from '@preact/signals'
import { render } from 'preact'
import { useRef } from 'preact/hooks'
import { act } from 'preact/test-utils'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { useKeptFocus } from './kept-focus'

const names = signal<readonly string[]>([])
let root: HTMLElement

beforeEach(async () => {
  names.value = ['Ann', 'Ben', 'Cem']
  root = document.createElement('div')
  document.body.append(root)
  await act(() => {
    render(<Page />, root)
  })
})

afterEach(async () => {
  await act(() => {
    render(null, root)
  })
  root.remove()
})

it('moves the focus to the same button of the next row, then of the one before', async () => {
  button('Ann')?.focus()
  await show('Ben', 'Cem')
  expect(focused()).toBe('Let Ben in')
  // Rows may come while the focus stands there.
  await show('Ben', 'Cem', 'Dia')
  button('Dia')?.focus()
  await show('Ben', 'Cem')
  expect(focused()).toBe('Let Cem in')
})

it('moves the focus to the heading after the last row', async () => {
  await show('Ann')
  button('Ann')?.focus()
  await show()
  expect(document.activeElement?.textContent).toBe('Waiting')
})

it('leaves the focus alone where the person turned to something else', async () => {
  button('Ann')?.focus()
  document.body.dispatchEvent(new Event('pointerdown', { bubbles: true }))
  await show('Ben', 'Cem')
  expect(document.activeElement).toBe(document.body)
})

function Page() {
  const place = useRef<HTMLDivElement>(null)
  useKeptFocus(place)
  return (
    <div ref={place}>
      <section>
        <h2>Waiting</h2>
        <ul>
          {names.value.map((name) => (
            <li key={name}>
              <button type="button" class="enter" aria-label={`Let ${name} in`} />
              <button type="button" class="refuse" aria-label={`Refuse ${name}`} />
            </li>
          ))}
        </ul>
      </section>
    </div>
  )
}

async function show(...shown: string[]) {
  await act(() => {
    names.value = shown
  })
  // The observer speaks after the page is drawn.
  await new Promise((resolve) => setTimeout(resolve))
}

function button(name: string): HTMLElement | null {
  return root.querySelector(`[aria-label="Let ${name} in"]`)
}

function focused(): string | null {
  return document.activeElement?.getAttribute('aria-label') ?? null
}
