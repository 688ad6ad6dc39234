import { constants, enableCompileCache, flushCompileCache } from 'node:module'
import { join } from 'node:path'

/** Node.js takes it over from here for the threads that are started later. */
const NAME = 'NODE_COMPILE_CACHE'

/**
 * Has Node.js keep compiled code on disk, so that the next start compiles nothing. In `NODE_COMPILE_CACHE` if that is set,
 * else in the cache folder of the service manager or of the user, which nobody else may write to; where there is none, or
 * with `NODE_DISABLE_COMPILE_CACHE=1`, nothing is kept.
 */
export function startCompileCache(): void {
  const folder = findFolder(process.env)
  if (folder === null) return
  const { status } = enableCompileCache(folder)
  if (status === constants.compileCacheStatus.ENABLED) process.env[NAME] = folder
}

/** Writes what was compiled since the start, so that it outlives a process that is killed. Does nothing without a cache. */
export function saveCompileCache(): void {
  flushCompileCache()
}

function findFolder(env: NodeJS.ProcessEnv): string | null {
  const { CACHE_DIRECTORY, XDG_CACHE_HOME, HOME } = env
  // Several folders of a service are separated by colons.
  const [ofService = ''] = (CACHE_DIRECTORY ?? '').split(':')
  if (ofService !== '') return ofService
  if (XDG_CACHE_HOME !== undefined && XDG_CACHE_HOME !== '') return join(XDG_CACHE_HOME, 'headgate')
  return HOME === undefined || HOME === '' ? null : join(HOME, '.cache', 'headgate')
}
