import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import '../styles/dialog.css'

/** What a dialog is made of. */
export interface DialogProps {
  title: string
  /** Called when the person closes it by Escape. The owner then stops drawing it. */
  close: () => void
  children: ComponentChildren
}

/** A question that waits for an answer: drawn means open. Focus returns by itself. */
export function Dialog({ title, close, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null)
  const first = useRef<HTMLHeadingElement>(null)
  const heading = useId()
  useEffect(() => {
    const dialog = ref.current
    const before = document.activeElement
    dialog?.showModal()
    first.current?.focus()
    return () => {
      dialog?.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={ref}
      class="dialog"
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault()
        close()
      }}
    >
      {/* Takes the focus, so that it is read first and nothing is confirmed by accident. */}
      <h2 id={heading} tabIndex={-1} ref={first}>
        {title}
      </h2>
      {children}
    </dialog>
  )
}
