/** Where the backend's other calls live, told from the base URL (upstream.md §3, §4). */
export function toModelsUrl(baseUrl: string, clientVersion: string): string {
  return `${toBase(baseUrl)}/models?client_version=${encodeURIComponent(clientVersion)}`
}

/** Below the base. */
export function toCodexUrl(baseUrl: string, path: string): string {
  return `${toBase(baseUrl)}/${path}`
}

/** Beside the base: `…/backend-api/codex` → `…/backend-api/wham/<path>`; a base of another shape gets it below. */
export function toWhamUrl(baseUrl: string, path: string): string {
  return `${toBase(baseUrl).replace(/\/codex$/, '')}/wham/${path}`
}

/** `…/backend-api/codex/images/<kind>` (upstream.md §4). */
export function toImagesUrl(baseUrl: string, kind: string): string {
  return `${toBase(baseUrl)}/images/${kind}`
}

/** Beside the base, like `wham/` (backend-facts.md §1: third-party knowledge, never observed). */
export function toTranscribeUrl(baseUrl: string): string {
  return `${toBase(baseUrl).replace(/\/codex$/, '')}/transcribe`
}

/** The same path and query at another origin. */
export function atOrigin(url: string, origin: string): string {
  const { pathname, search } = new URL(url)
  return new URL(pathname + search, origin).href
}

/** A base may be written with slashes at its end, or as the responses URL itself (connector.md §2.2). */
function toBase(baseUrl: string): string {
  return baseUrl.replace(/\/+$/, '').replace(/\/responses$/, '')
}
