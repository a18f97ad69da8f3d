import { createClientKey } from '../server/client-auth.ts'

/** `codexway keys create` */
export function runKeysCreate({ json = false }: { readonly json?: boolean }): number {
  const { key, hash } = createClientKey()
  if (json) {
    process.stdout.write(`${JSON.stringify({ key, hash })}\n`)
    return 0
  }
  process.stdout.write(`key:  ${key}\nhash: ${hash}\n`)
  process.stderr.write(
    'Give the key to the client and put the hash into server.api_keys. The key is shown this once.\n',
  )
  return 0
}
