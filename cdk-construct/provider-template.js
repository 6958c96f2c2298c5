// Writes lib/provider.json: the project's templates/provider.yaml as JSON, for apps to include.

const fs = require('node:fs');
const path = require('node:path');
const cdk = require('aws-cdk-lib');
const { CfnInclude } = require('aws-cdk-lib/cloudformation-include');

const app = new cdk.App({ outdir: path.join(__dirname, 'build', 'provider-template') });
const stack = new cdk.Stack(app, 'Provider', { synthesizer: new cdk.BootstraplessSynthesizer() });
new CfnInclude(stack, 'Template', { templateFile: path.join(__dirname, '..', 'templates', 'provider.yaml') });
const { template } = app.synth({ skipValidation: true }).getStackByName('Provider');
fs.writeFileSync(path.join(__dirname, 'lib', 'provider.json'), `${JSON.stringify(template, undefined, 1)}\n`);
