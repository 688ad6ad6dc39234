/**
 * Headgate under PM2: one process that takes requests and three that run tasks, over one PostgreSQL. PM2 numbers its
 * processes (NODE_APP_INSTANCE), which makes their names. See docs/cluster.md.
 *
 *   DATABASE_URL=postgres://… pm2 start deploy/ecosystem.config.cjs
 *   pm2 scale headgate-worker 5
 */
const path = require('node:path')

const shared = {
  script: path.join(__dirname, '..', 'headgate'),
  cwd: path.join(__dirname, '..'),
  interpreter: 'none',
  exec_mode: 'fork',
  // Waiting for tasks (20 s), their grace (5 s), and a margin.
  kill_timeout: 35_000,
  // Damaged, missing or newer data, and wrong settings, do not mend themselves.
  stop_exit_codes: [65, 66, 78],
  exp_backoff_restart_delay: 100,
}

module.exports = {
  apps: [
    { ...shared, name: 'headgate-web', args: 'web', instances: 1 },
    { ...shared, name: 'headgate-worker', args: 'worker', instances: 3 },
  ],
}
