import type { ProxySettings } from '../backends/openai-codex/proxy.ts'
import { type Environment, variable } from '../config/paths.ts'

/** The proxy variables in both spellings (connector.md §14). */
export function toProxySettings(env: Environment): ProxySettings {
  return {
    httpProxy: variable(env, 'HTTP_PROXY') ?? variable(env, 'http_proxy'),
    httpsProxy: variable(env, 'HTTPS_PROXY') ?? variable(env, 'https_proxy'),
    noProxy: variable(env, 'NO_PROXY') ?? variable(env, 'no_proxy'),
  }
}
