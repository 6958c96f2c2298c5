import * as cdk from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as sam from 'aws-cdk-lib/aws-sam';
import { Construct, IConstruct } from 'constructs';
import { include } from './provider-template';

/** Export of the stack that installs a provider. */
const SERVICE_TOKEN_EXPORT = 'express-service-token';

/**
 * What creates, updates and deletes services: a function, installed once per account and region.
 */
export interface IExpressServiceProvider extends IConstruct {
  /**
   * ARN of the function that CloudFormation calls for each service.
   *
   * @attribute
   */
  readonly serviceToken: string;
}

/**
 * Properties of `ExpressServiceProvider`.
 */
export interface ExpressServiceProviderProps {
  /**
   * The function's package: a zip or a folder with the program `bootstrap`, built for `architecture`.
   */
  readonly code: lambda.Code;

  /**
   * Domain under which every service gets one label, for example `apps.example.com` for `web.apps.example.com`.
   */
  readonly domainName: string;

  /**
   * Public hosted zone of this account that holds `domainName`.
   *
   * @default - DNS is managed elsewhere; `certificate` is required, and the records are yours to make
   */
  readonly hostedZone?: route53.IHostedZone;

  /**
   * Issued certificate of this region for `*.<domainName>`.
   *
   * @default - one is requested and validated in `hostedZone`
   */
  readonly certificate?: acm.ICertificate;

  /**
   * Processor architecture that the function's package is built for.
   *
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * Patterns of the ARNs of roles that services may use as execution, task and infrastructure role.
   *
   * @default ['*'] - every role that ECS may assume
   */
  readonly passableRoles?: string[];

  /**
   * Permissions boundary of every role of the provider.
   *
   * @default - none
   */
  readonly permissionsBoundary?: iam.IManagedPolicy;

  /**
   * For how long the provider's own logs are kept.
   *
   * @default logs.RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: logs.RetentionDays;
}

/**
 * Installs the provider, from the same template as `sam deploy`, or refers to one that is installed.
 *
 * The stack can be deleted only when no service is left; its ledger and its certificate are kept even then.
 */
export class ExpressServiceProvider extends Construct implements IExpressServiceProvider {
  /**
   * The provider that a stack of this account and region exports.
   *
   * @param exportName the export's name; as the provider's template has it if not given
   */
  public static fromExport(scope: Construct, id: string, exportName?: string): IExpressServiceProvider {
    return this.fromServiceToken(scope, id, cdk.Fn.importValue(exportName ?? SERVICE_TOKEN_EXPORT));
  }

  /**
   * The provider whose function has this ARN.
   */
  public static fromServiceToken(scope: Construct, id: string, serviceToken: string): IExpressServiceProvider {
    class Imported extends Construct implements IExpressServiceProvider {
      public readonly serviceToken = serviceToken;
    }
    return new Imported(scope, id);
  }

  public readonly serviceToken: string;

  constructor(scope: Construct, id: string, props: ExpressServiceProviderProps) {
    super(scope, id);
    const { hostedZone, certificate, passableRoles, permissionsBoundary } = props;
    if (hostedZone === undefined && certificate === undefined) {
      throw new Error(`${this.node.path}: give \`hostedZone\`, or \`certificate\`, or both`);
    }
    const conditions = {
      ManagesDns: hostedZone !== undefined,
      RequestsCertificate: certificate === undefined,
      HasPermissionsBoundary: permissionsBoundary !== undefined,
    };
    const included = include(this, 'Resource', conditions, {
      DomainName: props.domainName,
      HostedZoneId: hostedZone?.hostedZoneId ?? '',
      CertificateArn: certificate?.certificateArn ?? '',
      PassableRoles: passableRoles ?? ['*'],
      PermissionsBoundary: permissionsBoundary?.managedPolicyArn ?? '',
      LogRetentionDays: props.logRetention ?? logs.RetentionDays.THREE_MONTHS,
    });
    const handler = included.getResource('Function') as sam.CfnFunction;
    handler.architectures = [(props.architecture ?? lambda.Architecture.ARM_64).name];
    this.takeCode(handler, props.code);
    // How `sam build` would make the package.
    handler.cfnOptions.metadata = {};
    this.serviceToken = handler.getAtt('Arn', cdk.ResolutionTypeHint.STRING).toString();
  }

  private takeCode(handler: sam.CfnFunction, code: lambda.Code): void {
    const { s3Location } = code.bind(this);
    if (s3Location === undefined) {
      throw new Error(`${this.node.path}: \`code\` is neither an asset nor an object in S3`);
    }
    const { bucketName, objectKey, objectVersion } = s3Location;
    handler.codeUri = { bucket: bucketName, key: objectKey };
    if (objectVersion !== undefined) {
      // The version of an object is any text, and `S3LocationProperty` takes a number only.
      // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html>
      handler.addPropertyOverride('CodeUri.Version', objectVersion);
    }
  }
}
