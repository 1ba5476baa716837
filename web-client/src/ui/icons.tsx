// Our own icons: 24 px, one stroke, drawn for this product. They decorate a text that is always
// there, so they are hidden from screen readers.

/** Name of one icon. */
export type IconName = keyof typeof PATHS

/** One icon in the colour of the text around it. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}

const MICROPHONE = 'M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3ZM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21'
const CAMERA = 'M4.5 6.5h8a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-8a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2ZM14.5 10.6l6-3.1v9l-6-3.1'

const PATHS = {
  microphone: MICROPHONE,
  microphoneOff:
    'M15 11.2V6a3 3 0 0 0-5.7-1.3M9 9v2a3 3 0 0 0 4.6 2.5M5.5 11a6.5 6.5 0 0 0 10.2 5.3M18 13.2c.3-.7.5-1.4.5-2.2M12 17.5V21M4 3.5l16.5 17',
  camera: CAMERA,
  cameraOff:
    'M9.5 6.5h3a2 2 0 0 1 2 2v2.1l6-3.1v9l-4.3-2.2M14.5 15.2v.3a2 2 0 0 1-2 2h-8a2 2 0 0 1-2-2v-7c0-.9.6-1.7 1.5-1.95M3.5 3.5l17 17',
  screen: 'M4.5 4.5h15a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-15a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2ZM8 20.5h8M12 13.5v-6M9 10l3-3 3 3',
  screenStop: 'M4.5 4.5h15a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-15a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2ZM8 20.5h8M9.5 8l5 5M14.5 8l-5 5',
  leave: 'M10 20H6a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2h4M15.5 16.5 20 12l-4.5-4.5M20 12H9.5',
  enter: 'M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4M10 16.5l4.5-4.5L10 7.5M14.5 12H3.5',
  people:
    'M9 11.5a3.25 3.25 0 1 0 0-6.5 3.25 3.25 0 0 0 0 6.5ZM2.75 19.5c.3-3.4 2.9-5.25 6.25-5.25s5.95 1.85 6.25 5.25M15.5 5.3a3.25 3.25 0 0 1 0 6M17.7 14.7c2 .7 3.35 2.4 3.55 4.8',
  invite:
    'M10 11.5a3.25 3.25 0 1 0 0-6.5 3.25 3.25 0 0 0 0 6.5ZM3.5 19.5c.3-3.4 3-5.25 6.5-5.25s6.2 1.85 6.5 5.25M19 7.5v6M16 10.5h6',
  copy: 'M10.5 8.5h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-8a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2ZM5.5 15.5a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2',
  check: 'M5 12.5 10 17.5 19.5 7',
  close: 'M6 6l12 12M18 6 6 18',
  alert: 'M12 4 2.8 19.5h18.4L12 4ZM12 10v4.5M12 17.2v.1',
  edit: 'M4 20l.9-4L16.3 4.6a1.8 1.8 0 0 1 2.5 0l.6.6a1.8 1.8 0 0 1 0 2.5L8 19.1 4 20ZM14 7l3 3',
  language: 'M3.5 12a8.5 8.5 0 1 0 17 0 8.5 8.5 0 0 0-17 0ZM3.5 12h17M12 3.5c2.3 2.4 3.5 5.2 3.5 8.5s-1.2 6.1-3.5 8.5c-2.3-2.4-3.5-5.2-3.5-8.5s1.2-6.1 3.5-8.5Z',
  retry: 'M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9.5M20 4.5v5h-5',
  key: 'M8 18.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM11.2 10.8 19.5 3M16 6.3l3 3',
  away: 'M3.5 9.5a13 13 0 0 1 4-2.5M10.8 6a13 13 0 0 1 9.7 3.5M6.5 13a8.5 8.5 0 0 1 4-2.2M14.5 11.3a8.5 8.5 0 0 1 3 1.7M9.5 16.3a4 4 0 0 1 5 0M12 19.5v.1M4 3.5l16.5 17',
  shield: 'M12 3.5 5 6v5.5c0 4.3 2.8 7.4 7 9 4.2-1.6 7-4.7 7-9V6l-7-2.5ZM9 12l2.2 2.2L15.2 10',
  back: 'M10.5 6 4.5 12l6 6M4.5 12h15',
  sound: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5H4ZM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11',
  signal: 'M5 19v-3.5M10 19v-7M15 19V8.5M20 19V5',
  signalFair: 'M5 19v-3.5M10 19v-7',
  signalPoor: 'M5 19v-3.5',
} as const
