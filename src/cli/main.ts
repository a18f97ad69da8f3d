#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { packageVersion } from '../lib/version.ts'

const EXIT_CODES = `
Exit codes: 0 done · 1 failed · 2 wrong usage or configuration · 130 stopped by a second signal`

const program = new Command('codexway')
  .description('Turns your own ChatGPT/Codex sign-in into a local, OpenAI-compatible endpoint.')
  .version(packageVersion())
  .addHelpText('after', EXIT_CODES)
  .exitOverride()

withConfig(program.command('serve'))
  .description('Start the gateway')
  .option('--host <address>', 'address to listen on')
  .option('--port <number>', 'port to listen on; 0 picks a free one')
  .option('--simulate', 'use the built-in stand-in for the backend; no account needed')
  .option('--ready-file <path>', 'write {"pid","url","port"} here once it listens')
  .action(async (flags) => end(await (await import('./serve.ts')).runServe(flags)))

program
  .command('simulate')
  .description('Start the stand-in for the Codex backend and its OAuth issuer alone')
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--port <number>', 'port to listen on', '2634')
  .option('--auth-directory <path>', 'write an auth.json that the simulator accepts into this directory')
  .action(async (flags) => end(await (await import('./simulate.ts')).runSimulate(flags)))

program
  .command('demo')
  .description('Show a streamed answer and a tool round trip against the simulator, then end')
  .action(async () => end(await (await import('./demo.ts')).runDemo()))

const config = withConfig(program.command('config'))
  .description('Print the effective configuration, each value with its source')
  .option('--json', 'for machines')
  .action(async (flags) => end((await import('./config.ts')).runConfig(flags)))
config
  .command('schema')
  .description('Print the JSON Schema of the configuration file')
  .action(async () => end((await import('./config.ts')).runSchema()))

withConfig(program.command('models'))
  .description('List the models of the default backend')
  .option('--json', 'for machines')
  .action(async (flags) => end(await (await import('./models.ts')).runModels(flags)))

withConfig(program.command('doctor'))
  .description('Check configuration, sign-in and backend; say what to do next')
  .action(async (flags) => end(await (await import('./doctor.ts')).runDoctor(flags)))

try {
  await program.parseAsync()
} catch (error) {
  // Commander has printed its message already; help and version are no failures.
  if (!(error instanceof CommanderError)) throw error
  end(error.exitCode === 0 ? 0 : 2)
}

function withConfig(command: Command): Command {
  return command
    .option('--config <path>', 'configuration file (default: ./config.yaml, then the per-user one)')
    .option('--base-url <url>', 'backend base URL, for every instance')
    .option('--codex-path <path>', 'directory holding auth.json, or the file itself')
    .option('--default-backend <name>', 'instance for models named without one')
    .option('--log-level <level>', 'trace, debug, info, warn, error, fatal or silent')
    .option(
      '--set <key.path=YAML>',
      'set any key; may be repeated',
      (value: string, all: string[]) => [...all, value],
      [] as string[],
    )
}

function end(code: number): void {
  process.exit(code)
}
