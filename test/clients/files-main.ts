import { createAuth } from 'idplug'
import { createFilesApp, files } from './files-server.ts'

// The small server as a process of its own, which can be killed; its settings are those of its environment.
createFilesApp(createAuth(files)).listen(Number(process.env.PORT), '127.0.0.1')
