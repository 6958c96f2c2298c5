export * from './express-service';
export * from './express-service-props';
export * from './express-service-provider';
export * from './cfn-express-service.generated';
