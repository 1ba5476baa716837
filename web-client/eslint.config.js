import jsxA11y from 'eslint-plugin-jsx-a11y-x'
import tseslint from 'typescript-eslint'

/** Imports that may not turn back: ui → call → protocol (ARCHITECTURE.md). */
const forbid = (...patterns) => ({
  '@typescript-eslint/no-restricted-imports': ['error', { patterns }],
})

const noUi = { regex: '(^|/)(ui|i18n|styles)(/|$)', message: 'the call does not know the screens' }
const noCall = { regex: '(^|/)call(/|$)', message: 'the protocol does not know the call' }

/** No storage of any kind, no way to run text as code, no markup from text. */
const STORES = ['localStorage', 'sessionStorage', 'indexedDB', 'cookieStore']

export default tseslint.config(
  // `.as.ts` is AssemblyScript, which its own compiler checks.
  { ignores: ['dist', '**/*.as.ts'] },
  ...tseslint.configs.strictTypeChecked,
  jsxA11y.configs.strict,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['eslint.config.js'] } } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'no-console': 'error',
      'no-restricted-globals': ['error', ...STORES, 'eval'],
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML' },
        { property: 'outerHTML' },
        { property: 'insertAdjacentHTML' },
        { property: 'cookie' },
        ...STORES.map((property) => ({ property })),
      ],
    },
  },
  {
    files: ['src/protocol/**', 'src/link.ts', 'src/api.ts', 'src/keep.ts', 'src/kept-rooms.ts'],
    rules: forbid(noUi, noCall),
  },
  { files: ['src/recordings/**', 'src/e2ee/**'], rules: forbid(noUi, noCall) },
  { files: ['src/call/**'], rules: forbid(noUi) },
  // A teacher may keep their own rooms in their own browser, by a click of theirs. This file does it
  // and nothing else may.
  {
    files: ['src/keep.ts'],
    rules: { 'no-restricted-globals': ['error', ...STORES.filter((store) => store !== 'localStorage'), 'eval'] },
  },
  // Devices open only where one person's click leads: nothing else may name these.
  {
    files: ['src/**'],
    ignores: ['src/call/devices.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'MemberExpression[property.name=/^(getUserMedia|getDisplayMedia)$/]',
          message: 'devices are opened in call/devices.ts only',
        },
      ],
    },
  },
  { files: ['eslint.config.js'], extends: [tseslint.configs.disableTypeChecked] },
)
