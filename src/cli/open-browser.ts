import { spawn } from 'node:child_process'
import { type Environment, variable } from '../config/paths.ts'

/** Tries to show an address in the person's browser; does nothing where there is none to see it, as over SSH. */
export function createBrowserOpener(env: Environment, platform: string): (url: string) => void {
  const isRemote = variable(env, 'SSH_CONNECTION') !== undefined
  const hasScreen =
    platform === 'darwin' ||
    platform === 'win32' ||
    variable(env, 'DISPLAY') !== undefined ||
    variable(env, 'WAYLAND_DISPLAY') !== undefined
  if (isRemote || !hasScreen) return () => {}
  const [command, ...parameters] = OPENERS[platform] ?? ['xdg-open']
  return (url) => {
    const child = spawn(command, [...parameters, url], { stdio: 'ignore', detached: true, windowsHide: true })
    // The address is on the screen anyway.
    child.once('error', () => {})
    child.unref()
  }
}

const OPENERS: Record<string, [string, ...string[]]> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}
