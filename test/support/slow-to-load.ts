/** A module of tasks that gets a signal while it is loaded. */
process.kill(process.pid, 'SIGHUP')
await new Promise((resolve) => setTimeout(resolve, 10_000))
export default []
