#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { processEnvironment, toPaths } from '../config/paths.ts'

// Before anything else is loaded: compiled code is kept from one start to the next, in a directory of the person's own.
const { cacheDirectory } = toPaths(processEnvironment(), homedir(), process.platform)
enableCompileCache(join(cacheDirectory, 'compiled'))
const { CommanderError } = await import('commander')
const { maskSecrets } = await import('../lib/redact.ts')
const { createProgram } = await import('./program.ts')

const FAILED = 1
const WRONG_USAGE = 2

// A reader that has seen enough (`codexway config | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : FAILED)
})

try {
  await createProgram(end).parseAsync()
} catch (error) {
  if (error instanceof CommanderError) end(error.exitCode === 0 ? 0 : WRONG_USAGE)
  else {
    const reason = error instanceof Error ? error.message : String(error)
    process.stderr.write(`codexway: ${maskSecrets(reason)}\n`)
    end(FAILED)
  }
}

/** Ends once what was printed has left: a pipe may still hold some of it. */
function end(status: number): void {
  process.stdout.write('', () => process.exit(status))
}
