/** Imported first by every entry point: reports in one line that Node.js is too old, before newer syntax or APIs are used. */
const OLDEST_MAJOR = 24

if (Number(process.versions.node.split('.', 1)[0]) < OLDEST_MAJOR) {
  throw new Error(`headgate needs Node.js ${OLDEST_MAJOR} or newer; this is ${process.version}.`)
}
