declare module '*.tflite?url' {
  const url: string
  export default url
}

// Parts of the texts; see `i18n/first.ts`.
declare module '*.json?first' {
  const texts: Readonly<Record<string, string>>
  export default texts
}
declare module '*.json?rest' {
  const texts: Readonly<Record<string, string>>
  export default texts
}
