#!/usr/bin/env node
import { CommanderError } from 'commander'
import { maskSecrets } from '../lib/redact.ts'
import { createProgram } from './program.ts'

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
