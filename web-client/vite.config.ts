import { readFileSync } from 'node:fs'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

/** Writes the privacy notice into the page, so that it can be read where scripts are off. */
function noticeWithoutScript(): Plugin {
  const file = new URL('./src/i18n/privacy.fr.json', import.meta.url)
  const sections = JSON.parse(readFileSync(file, 'utf8')) as { title: string; text: string[] }[]
  const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const html = sections
    .map(({ title, text }) => [`<h2>${escaped(title)}</h2>`, ...text.map((line) => `<p>${escaped(line)}</p>`)])
    .flat()
    .join('\n      ')
  return { name: 'notice-without-script', transformIndexHtml: (page) => page.replace('<!-- notice -->', html) }
}

export default defineConfig({
  plugins: [noticeWithoutScript()],
  build: {
    // Browsers that have everything the call needs (RTCRtpSender simulcast, inert dialogs, :has).
    target: ['chrome111', 'edge111', 'firefox121', 'safari16.4'],
    // The content security policy allows nothing inline: every asset stays a file of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: true,
  },
  // One file: its content security policy lets the worker load no other script.
  worker: { format: 'es' },
  test: {
    include: ['src/**/*.test.{ts,tsx}'],
    environment: 'node',
  },
})
