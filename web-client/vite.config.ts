import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { isFirst } from './src/i18n/first.ts'
import { passedBounds, weigh } from './weight.mjs'

/** Writes into the page the hash of each script and style it loads (Subresource Integrity), so that a
 * browser refuses one that is not what was built. */
function integrity(): Plugin {
  return {
    name: 'preau-integrity',
    apply: 'build',
    writeBundle({ dir = 'dist' }) {
      const page = join(dir, 'index.html')
      const named = / crossorigin (?:src|href)="\/([^"]+\.(?:js|css))"/g
      const text = readFileSync(page, 'utf8').replace(named, (attributes, file: string) => {
        const hash = createHash('sha384').update(readFileSync(join(dir, file))).digest('base64')
        return ` integrity="sha384-${hash}"${attributes}`
      })
      writeFileSync(page, text)
    },
  }
}

/** Cuts each language in two: `?first` comes with the page, `?rest` later. Tests have all at once. */
function texts(): Plugin {
  return {
    name: 'preau-texts',
    enforce: 'pre',
    load(id) {
      const [, file, part] = /^(.*\/i18n\/\w+\.json)\?(first|rest)$/.exec(id) ?? []
      if (file === undefined) return null
      const all = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>)
      const isWanted = (key: string) => process.env['VITEST'] !== undefined || isFirst(key) === (part === 'first')
      const code = `export default ${JSON.stringify(Object.fromEntries(all.filter(([key]) => isWanted(key))))}`
      return { code, moduleType: 'js' }
    },
  }
}

/** Fails a build that makes pupils fetch more than is allowed. */
function bounds(): Plugin {
  return {
    name: 'preau-bounds',
    apply: 'build',
    writeBundle({ dir = 'dist' }) {
      for (const passed of passedBounds(weigh(dir))) this.error(passed)
    },
  }
}

export default defineConfig({
  plugins: [texts(), integrity(), bounds()],
  build: {
    // Browsers that have everything the call needs (RTCRtpSender simulcast, inert dialogs, :has).
    target: ['chrome111', 'edge111', 'firefox121', 'safari16.4'],
    // The content security policy allows nothing inline: every asset stays a file of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: true,
  },
  // Where the packages really are must not matter: the pages are the same wherever they are built.
  resolve: { preserveSymlinks: true },
  // One file: its content security policy lets the worker load no other script.
  worker: { format: 'es' },
  test: {
    // Speed is no matter of tests: whole circles meet in some, on a machine that may be busy.
    testTimeout: 60_000,
    // Otherwise one core is left idle, of which a small machine has two.
    maxWorkers: '100%',
    include: ['src/**/*.test.{ts,tsx}'],
    environment: 'node',
  },
})
