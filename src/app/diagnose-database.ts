import type { Settings } from '../config/settings.ts'
import { toListenUrl } from '../config/tables/cluster.ts'
import type { Finding } from '../journal/finding.ts'
import { CLUSTER_PACKAGES, findMissing, installCommand } from '../package.ts'

/** What is sound, and what is not, of the PostgreSQL that the settings name. */
export async function diagnoseFromSettings(settings: Settings): Promise<readonly Finding[]> {
  const missing = findMissing(CLUSTER_PACKAGES)
  if (missing.length > 0)
    return [{ about: 'packages', detail: `${missing.join(', ')} missing`, fix: installCommand(missing) }]
  const { diagnoseDatabase } = await import('../cluster/database/doctor/doctor.ts')
  const { databaseUrl: url, isPreparing: prepares, databaseConnections } = settings
  return diagnoseDatabase({
    url,
    listenUrl: toListenUrl(settings),
    prepares,
    connections: databaseConnections,
    now: () => Date.now(),
  })
}
