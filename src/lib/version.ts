import { readFileSync } from 'node:fs'

/** This package's version; package.json lies two folders up from here, in a checkout and when built. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  return version
}
