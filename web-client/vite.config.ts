import { defineConfig } from 'vitest/config'

export default defineConfig({
  build: {
    // Browsers that have everything the call needs (RTCRtpSender simulcast, inert dialogs, :has).
    target: ['chrome111', 'edge111', 'firefox121', 'safari16.4'],
    // The content security policy allows nothing inline: every asset stays a file of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: true,
  },
  test: {
    include: ['src/**/*.test.{ts,tsx}'],
    environment: 'node',
  },
})
