// Runs a declarative Jenkinsfile: the pipeline's words are the methods of a script's base class, and each `sh` is really run.
// What Jenkins asks of people and of its plugins is written down in $JENKINS_SAID, one line each, for the test to look at.
//
//   groovy.ui.GroovyMain jenkins.groovy JENKINSFILE timer|change [APPROVER]
//
// A word that it does not know ends it: it must not be more lenient than Jenkins is.

import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.customizers.ImportCustomizer

@interface NonCPS {}

class Failed extends RuntimeException {
    Failed(String why) { super(why) }
}

/** Takes `NAME = value` of an `environment` block. */
class Settings {
    Map<String, String> values
    void setProperty(String name, Object value) { values[name] = value.toString() }
    String credentials(String id) {
        String value = System.getenv("CREDENTIALS_${id.replace('-', '_').toUpperCase()}")
        if (value == null) { throw new Failed("no credentials ${id}") }
        return value
    }
}

abstract class Jenkins extends Script {
    static String started
    static String approver
    static File said
    Map<String, String> env = [:]
    boolean onAgent = false
    List<Closure> always = [], cleanup = []
    boolean wanted
    Throwable failed

    void say(String line) { said << "${line}\n" }

    // ---- the pipeline
    void pipeline(Closure body) {
        env.PATH = System.getenv('PATH')
        body()
        if (failed != null) { say("result FAILURE ${failed.message}"); System.err.println(failed); System.exit(1) }
        say('result SUCCESS')
    }
    void agent(Closure where) { where(); onAgent = true }
    void agent(String none) { if (none != 'none') { throw new Failed("no agent ${none}") } }
    void label(String name) { if (name != 'recon') { throw new Failed("no agent ${name}") } }
    Object getNone() { 'none' }
    void options(Closure body) { body() }
    void timeout(Map time) { if (!(time.time instanceof Integer)) { throw new Failed('timeout without a time') } }
    void triggers(Closure body) { body() }
    void cron(String when) { say("cron ${when.replace('\n', ' ')}") }
    void environment(Closure body) {
        body.delegate = new Settings(values: env)
        body.resolveStrategy = Closure.DELEGATE_FIRST
        body()
    }
    void stages(Closure body) { body() }

    // ---- a stage
    private Closure work
    void stage(String name, Closure body) {
        boolean outer = onAgent
        wanted = true; work = null; always = []; cleanup = []; onAgent = false
        body()
        if (failed != null || !wanted || work == null) { say("stage ${name} skipped"); onAgent = outer; return }
        say("stage ${name}")
        List<Closure> after = always, last = cleanup
        try { work() } catch (Throwable why) { failed = why; say("stage ${name} failed") }
        for (Closure step in after + last) {
            try { step() } catch (Throwable why) { failed = failed ?: why; say("post of ${name} failed: ${why.message}") }
        }
        onAgent = outer
    }
    void when(Closure body) { wanted = body() }
    boolean not(Closure body) { !body() }
    boolean triggeredBy(String cause) { cause == 'TimerTrigger' && started == 'timer' }
    void steps(Closure body) { work = body }
    void post(Closure body) { body() }
    void always(Closure body) { always << body }
    void cleanup(Closure body) { cleanup << body }
    void script(Closure body) { body() }

    // ---- steps
    void node(String label, Closure body) {
        if (label != 'recon') { throw new Failed("no agent ${label}") }
        boolean outer = onAgent
        onAgent = true
        try { body() } finally { onAgent = outer }
    }
    Object getScm() { 'scm' }
    void checkout(Object what) { needsAgent('checkout') }
    private void needsAgent(String step) { if (!onAgent) { throw new Failed("${step} needs an agent") } }
    Object sh(String script) { sh([script: script]) }
    Object sh(Map how) {
        needsAgent('sh')
        def known = ['script', 'returnStatus', 'returnStdout'] as Set
        if (!known.containsAll(how.keySet())) { throw new Failed("sh takes no ${how.keySet() - known}") }
        def builder = new ProcessBuilder('sh', '-xe', '-c', how.script.toString())
        builder.environment().clear()
        builder.environment().putAll(env.collectEntries { name, value -> [(name): value.toString()] })
        builder.redirectError(ProcessBuilder.Redirect.INHERIT)
        def process = builder.start()
        process.outputStream.close()
        String out = process.inputStream.getText('UTF-8')
        int code = process.waitFor()
        if (how.returnStdout != true) { System.out.print(out) }
        if (how.returnStatus == true) { return code }
        if (code != 0) { throw new Failed("script returned exit code ${code}") }
        return how.returnStdout == true ? out : null
    }
    void sleep(Map time) { say("sleep ${time.time} ${time.unit}"); Runnable hook = Jenkins.nap; if (hook) { hook.run() } }
    static Runnable nap
    void error(String why) { throw new Failed(why) }
    Object input(Map how) {
        if (onAgent) { throw new Failed('an agent is held while a person is waited for') }
        if (how.submitterParameter == null || how.submitter == null) { throw new Failed('input by nobody in particular') }
        say("input ${how.message}")
        if (!approver) { throw new Failed('nobody answered in time') }
        return approver
    }
    void withEnv(List<String> more, Closure body) {
        Map before = new LinkedHashMap(env)
        more.each { String one -> def (name, value) = one.split('=', 2) as List; env[name] = value }
        try { body() } finally { env = before }
    }
    void junit(Map how) {
        needsAgent('junit')
        def (folder, pattern) = how.testResults.split('/') as List
        def files = []
        if (new File(folder).isDirectory()) {
            java.nio.file.Files.newDirectoryStream(new File(folder).toPath(), pattern).each { files << it.toString() }
        }
        if (files.isEmpty() && how.allowEmptyResults != true) { throw new Failed('no test report files were found') }
        int tests = 0, bad = 0
        files.each { String name ->
            def suite = new XmlSlurper().parse(new File(name))
            tests += suite.'**'.count { it.name() == 'testcase' }
            bad += suite.'**'.count { it.name() in ['failure', 'error'] }
        }
        say("junit ${files.size()} files ${tests} tests ${bad} bad")
        if (bad > 0) { say('result UNSTABLE') }
    }
    void archiveArtifacts(Map how) { needsAgent('archiveArtifacts'); say("archive ${how.artifacts}") }
    void deleteDir() {
        needsAgent('deleteDir')
        // The workspace is the project here: only what a build makes goes.
        new File('reports').deleteDir()
        say('deleteDir')
    }
}

Jenkins.said = new File(System.getenv('JENKINS_SAID'))
Jenkins.started = args[1]
Jenkins.approver = args.length > 2 ? args[2] : null
if (System.getenv('JENKINS_NAP')) {
    Jenkins.nap = { ['sh', '-c', System.getenv('JENKINS_NAP')].execute().waitFor() } as Runnable
}
def configuration = new CompilerConfiguration(scriptBaseClass: Jenkins.name)
configuration.addCompilationCustomizers(new ImportCustomizer().addImports(NonCPS.name))
new GroovyShell(this.class.classLoader, new Binding(), configuration).evaluate(new File(args[0]))
