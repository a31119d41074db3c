#!/usr/bin/env node
'use strict'
// In the syntax of versions that are too old for everything else, so that those can say so.
var needed = [22, 19]
var present = process.versions.node.split('.').map(Number)

if (present[0] < needed[0] || (present[0] === needed[0] && present[1] < needed[1])) {
  console.error('idplug needs Node.js ' + needed.join('.') + ' or newer, and this is ' + process.version + '.')
  console.error('Get it at https://nodejs.org. In a clone, npm ci installs one: npm start and npx idplug use that.')
  process.exit(1)
}

var fs = require('fs')
var path = require('path')
var url = require('url')

var source = path.join(__dirname, '../main.ts')
var isClone = fs.existsSync(source)
if (isClone && !fs.existsSync(path.join(__dirname, '../../node_modules'))) {
  console.error('The packages of this clone are not installed: run npm ci first.')
  process.exit(1)
}

var main = findMain()
if (main) import(url.pathToFileURL(main).href)
else withoutServer()

/** What the command runs: in a clone its source, elsewhere the package that is installed beside. */
function findMain() {
  if (isClone) return source
  try {
    return require.resolve('@idplug/server/main')
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

function withoutServer() {
  var version = require('../package.json').version
  if (process.argv[2] === '--version' || process.argv[2] === '-V') {
    console.log(version)
    return
  }
  // Under npx nobody has chosen what to install. Once is enough: a second try would end the same way.
  var npm = findNpm()
  if (process.env.npm_command === 'exec' && !process.env.IDPLUG_FETCHED && npm) {
    fetchServer(version, npm)
    return
  }
  console.error('The commands of idplug are a package of their own: npm install @idplug/server@' + version)
  process.exitCode = 1
}

/** Program and first arguments. On Windows npm is a script, which only a shell could start; a shell would read our arguments anew. */
function findNpm() {
  if (process.env.npm_execpath) return [process.execPath, process.env.npm_execpath]
  if (process.platform !== 'win32') return ['npm']
  var script = path.join(path.dirname(process.execPath), 'node_modules', 'npm', 'bin', 'npm-cli.js')
  return fs.existsSync(script) ? [process.execPath, script] : undefined
}

function fetchServer(version, npm) {
  var fetched = ['--package=idplug@' + version, '--package=@idplug/server@' + version]
  var args = npm.slice(1).concat(['exec', '--yes'], fetched, ['--', 'idplug'], process.argv.slice(2))
  var env = Object.assign({}, process.env, { IDPLUG_FETCHED: 'yes' })
  var result = require('child_process').spawnSync(npm[0], args, { stdio: 'inherit', env: env })
  process.exitCode = result.status === null ? 1 : result.status
}
