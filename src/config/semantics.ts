import { type Environment, variable } from './paths.ts'
import type { Config } from './schema.ts'

const KIND = 'openai-codex'
const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/
const KNOWN_HOSTS = /(?:^|\.)(?:chatgpt\.com|openai\.com)$/

/** Names compare without case and with `_` = `-`. */
export function normalized(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

export function isLoopbackHost(host: string): boolean {
  return LOOPBACK.test(host.toLowerCase())
}

/** Rules that no single key can check (connector.md §2.3, §14). */
export function checkTogether(config: Config, env: Environment): { problems: string[]; warnings: string[] } {
  const problems: string[] = []
  const warnings = new Set<string>()
  const names = Object.keys(config.backends)
  const seen = new Map<string, string>()
  for (const [name, backend] of Object.entries(config.backends)) {
    const path = `backends.${name}`
    const twin = seen.get(normalized(name))
    if (twin !== undefined) problems.push(`${path}: the same name as backends.${twin}`)
    seen.set(normalized(name), name)
    if (backend.type === undefined && normalized(name) !== KIND)
      problems.push(`${path}.type: missing; known kinds: ${KIND}`)
    checkUrl(`${path}.base_url`, backend.base_url, problems)
    if (backend.oauth_issuer !== undefined) checkUrl(`${path}.oauth_issuer`, backend.oauth_issuer, problems)
    const host = URL.parse(backend.base_url)?.hostname ?? ''
    if (!isLoopbackHost(host) && !KNOWN_HOSTS.test(host))
      warnings.add(`the sign-in is sent to ${host}, which is not OpenAI's`)
  }
  const override = variable(env, 'CODEX_REFRESH_TOKEN_URL_OVERRIDE')
  if (override !== undefined) checkUrl('CODEX_REFRESH_TOKEN_URL_OVERRIDE', override, problems)
  if (config.default_backend !== undefined && !seen.has(normalized(config.default_backend))) {
    problems.push(`default_backend: "${config.default_backend}" is not defined; known: ${names.join(', ')}`)
  }
  if (!isLoopbackHost(config.server.host) && config.server.api_keys.length === 0) {
    problems.push(
      `server.host: "${config.server.host}" is reachable by others; set server.api_keys (or CODEXWAY_API_KEYS), or listen on 127.0.0.1`,
    )
  }
  return { problems, warnings: [...warnings] }
}

function checkUrl(path: string, value: string, problems: string[]): void {
  const url = URL.parse(value)
  if (url === null || !/^https?:$/.test(url.protocol)) problems.push(`${path}: not an http(s) URL`)
  else if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) {
    problems.push(`${path}: ${url.host} is not loopback, so the token would travel in clear text; use https`)
  }
}
