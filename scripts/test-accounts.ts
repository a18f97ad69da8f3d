/**
 * The long proof that a shared sign-in is never lost: two gateways and a real Codex CLI on one auth.json, kills at random
 * moments, and a file that is changed under them. Runs in a network namespace that has loopback only, since the CLI tries
 * to reach its makers. The short form of it is part of `npm test`.
 */
import { parseArgs } from 'node:util'
import { FILE_CHANGES, fileChange, kills, twoGateways } from '../test/support/sign-in-proof.ts'
import { installClients, runInside } from './run-client.ts'
import { sharedWithCodex } from './shared-with-codex.ts'

const { values: flags } = parseArgs({
  options: {
    inside: { type: 'boolean' },
    requests: { type: 'string', default: '200' },
    kills: { type: 'string', default: '50' },
  },
})

if (flags.inside === true) await runAll()
else {
  await installClients()
  process.exitCode = await runInside(import.meta.filename, ['--requests', flags.requests, '--kills', flags.kills])
}

async function runAll(): Promise<void> {
  const requests = Number(flags.requests)
  const parts: Record<string, () => Promise<unknown>> = {
    'two gateways, tokens that live three seconds': () => twoGateways(requests, 3, 100),
    'two gateways and the Codex CLI, tokens due after eight seconds': () => sharedWithCodex(requests, 200),
    'kills at random moments': () => kills(Number(flags.kills), 2),
    ...Object.fromEntries(
      Object.keys(FILE_CHANGES).map((name) => [`a sign-in file that is ${name}`, () => fileChange(name, 3)]),
    ),
  }
  let failed = 0
  for (const [name, part] of Object.entries(parts)) {
    const startedAtMs = Date.now()
    try {
      const result = JSON.stringify(await part()) ?? ''
      console.log(` ✓ ${name} (${Math.round((Date.now() - startedAtMs) / 1000)} s) ${result}`)
    } catch (error) {
      failed += 1
      console.log(` ✗ ${name}\n${error instanceof Error ? error.message : error}`)
    }
  }
  process.exit(failed === 0 ? 0 : 1)
}
