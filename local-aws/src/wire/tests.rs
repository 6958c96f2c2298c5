//! Requests as SDKs write them, byte for byte, and answers as SDKs read them.

use bytes::Bytes;
use ciborium::Value as Cbor;
use http::{Request, Response};
use serde_json::{Value, json};

use super::{
    Call, LOCATION, Protocol, Refusal, Service, check_region, decode, encode, refuse, timestamp,
};

fn signed(scope: &str) -> http::request::Builder {
    let credential = format!(
        "AWS4-HMAC-SHA256 Credential=AKID/20261121/eu-west-1/{scope}/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=00"
    );
    Request::post("http://127.0.0.1:4600/").header("authorization", credential)
}

fn query(scope: &str, body: &'static str) -> Call {
    let request = signed(scope)
        .header(
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        )
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap();
    decode(&request).unwrap()
}

fn rest(method: &str, path: &str, body: &'static str) -> Call {
    let request = signed("route53")
        .method(method)
        .uri(format!("https://route53.amazonaws.com{path}"))
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap();
    decode(&request).unwrap()
}

fn call(service: Service, protocol: Protocol, operation: &str) -> Call {
    Call {
        service,
        protocol,
        operation: operation.to_owned(),
        input: json!({}),
    }
}

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).unwrap().to_str().unwrap()
}

#[test]
fn query_unflattens_nested_lists_and_structures() {
    let decoded = query(
        "elasticloadbalancing",
        "Action=CreateRule&Version=2015-12-01&ListenerArn=l&Priority=1\
         &Conditions.member.1.Field=host-header\
         &Conditions.member.1.HostHeaderConfig.Values.member.1=a+b\
         &Conditions.member.1.HostHeaderConfig.Values.member.2=c%26d\
         &Actions.member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn=t1\
         &Actions.member.1.ForwardConfig.TargetGroups.member.1.Weight=1\
         &Tags.member.1.Key=k&Tags.member.1.Value=%C3%A9",
    );
    assert_eq!(decoded.name(), "elasticloadbalancing:CreateRule");
    assert_eq!(decoded.protocol, Protocol::Query);
    assert_eq!(
        decoded.input,
        json!({
            "ListenerArn": "l",
            "Priority": "1",
            "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": ["a b", "c&d"]}}],
            "Actions": [{"ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "t1", "Weight": "1"}]}}],
            "Tags": [{"Key": "k", "Value": "é"}],
        })
    );
}

#[test]
fn query_orders_list_elements_by_number_and_keeps_an_empty_list_empty() {
    let decoded = query(
        "elasticloadbalancing",
        "Action=DescribeTags&ResourceArns.member.10=j&ResourceArns.member.9=i\
         &ResourceArns.member.1=a&SecurityGroups=",
    );
    assert_eq!(decoded.input["ResourceArns"], json!(["a", "i", "j"]));
    let input = super::Input::new(&decoded.input);
    assert!(input.texts("SecurityGroups").is_empty());
}

#[test]
fn query_reads_a_map_as_its_entries() {
    let decoded = query(
        "monitoring",
        "Action=X&M.entry.1.key=a&M.entry.1.value=1&M.entry.2.key=b&M.entry.2.value=2",
    );
    assert_eq!(
        decoded.input["M"],
        json!([{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    );
}

#[test]
fn ec2_lists_have_no_level_of_their_own() {
    let decoded = query(
        "ec2",
        "Action=AuthorizeSecurityGroupIngress&Version=2016-11-15&GroupId=sg-1\
         &IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=80\
         &IpPermissions.1.Groups.1.GroupId=sg-2&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0%2F0\
         &TagSpecification.1.ResourceType=security-group-rule&TagSpecification.1.Tag.1.Key=a\
         &TagSpecification.1.Tag.1.Value=b",
    );
    assert_eq!(decoded.protocol, Protocol::Ec2Query);
    assert_eq!(
        decoded.input,
        json!({
            "GroupId": "sg-1",
            "IpPermissions": [{
                "IpProtocol": "tcp",
                "FromPort": "80",
                "Groups": [{"GroupId": "sg-2"}],
                "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
            }],
            "TagSpecification": [{
                "ResourceType": "security-group-rule",
                "Tag": [{"Key": "a", "Value": "b"}],
            }],
        })
    );
}

#[test]
fn json_takes_operation_and_version_from_the_headers() {
    for (content_type, version) in [
        ("application/x-amz-json-1.0", "1.0"),
        ("application/x-amz-json-1.1", "1.1"),
    ] {
        let request = signed("ecs")
            .header("content-type", content_type)
            .header(
                "x-amz-target",
                "AmazonEC2ContainerServiceV20141113.DescribeServices",
            )
            .body(Bytes::from_static(br#"{"services": ["a"]}"#))
            .unwrap();
        let decoded = decode(&request).unwrap();
        assert_eq!(decoded.name(), "ecs:DescribeServices");
        assert_eq!(decoded.protocol, Protocol::Json { version });
        assert_eq!(decoded.input, json!({"services": ["a"]}));
        let answer = encode(&decoded, Ok(json!({"at": timestamp(1_500)})));
        assert_eq!(header(&answer, "content-type"), content_type);
        assert_eq!(text(&answer), r#"{"at":1.5}"#);
    }
}

#[test]
fn cbor_keeps_floats_whole_numbers_and_times() {
    let body = Cbor::Map(vec![
        (Cbor::Text("Threshold".into()), Cbor::Float(1.0)),
        (Cbor::Text("Period".into()), Cbor::Integer(60.into())),
        (
            Cbor::Text("Timestamp".into()),
            Cbor::Tag(1, Box::new(Cbor::Float(1_767_323_045.5))),
        ),
        (
            Cbor::Text("Ids".into()),
            Cbor::Array(vec![Cbor::Text("e".into()), Cbor::Null]),
        ),
    ]);
    let mut bytes = Vec::new();
    ciborium::into_writer(&body, &mut bytes).unwrap();
    let request = signed("monitoring")
        .uri("http://127.0.0.1/service/GraniteServiceVersion20100801/operation/PutMetricAlarm")
        .header("smithy-protocol", "rpc-v2-cbor")
        .body(Bytes::from(bytes))
        .unwrap();
    let decoded = decode(&request).unwrap();
    assert_eq!(decoded.name(), "cloudwatch:PutMetricAlarm");
    assert_eq!(
        decoded.input,
        json!({"Threshold": 1.0, "Period": 60, "Timestamp": 1_767_323_045.5, "Ids": ["e", null]})
    );

    let answer = encode(
        &decoded,
        Ok(json!({"Threshold": 1.0, "Period": 60, "At": timestamp(1_500)})),
    );
    assert_eq!(header(&answer, "smithy-protocol"), "rpc-v2-cbor");
    let read: Cbor = ciborium::from_reader(answer.body().as_ref()).unwrap();
    assert_eq!(
        read,
        Cbor::Map(vec![
            (Cbor::Text("Threshold".into()), Cbor::Float(1.0)),
            (Cbor::Text("Period".into()), Cbor::Integer(60.into())),
            (
                Cbor::Text("At".into()),
                Cbor::Tag(1, Box::new(Cbor::Float(1.5)))
            ),
        ])
    );
}

#[test]
fn cbor_reads_maps_of_indefinite_length() {
    // {_ "AlarmNames": [_ "a"]} as the Rust SDK writes it.
    let bytes = b"\xbf\x6aAlarmNames\x9f\x61a\xff\xff";
    let request = signed("monitoring")
        .uri("/service/GraniteServiceVersion20100801/operation/DeleteAlarms")
        .header("smithy-protocol", "rpc-v2-cbor")
        .body(Bytes::from_static(bytes))
        .unwrap();
    assert_eq!(
        decode(&request).unwrap().input,
        json!({"AlarmNames": ["a"]})
    );
}

#[test]
fn rest_xml_routes_by_method_and_path() {
    let cases = [
        ("POST", "/2013-04-01/hostedzone", "CreateHostedZone"),
        (
            "GET",
            "/2013-04-01/hostedzone?maxitems=1",
            "ListHostedZones",
        ),
        ("GET", "/2013-04-01/hostedzone/Z1", "GetHostedZone"),
        ("DELETE", "/2013-04-01/hostedzone/Z1", "DeleteHostedZone"),
        (
            "POST",
            "/2013-04-01/hostedzone/Z1/rrset/",
            "ChangeResourceRecordSets",
        ),
        (
            "GET",
            "/2013-04-01/hostedzone/Z1/rrset",
            "ListResourceRecordSets",
        ),
        ("GET", "/2013-04-01/change/C1", "GetChange"),
        (
            "GET",
            "/2013-04-01/hostedzonesbyname?dnsname=x",
            "ListHostedZonesByName",
        ),
        (
            "POST",
            "/2013-04-01/tags/hostedzone/Z1",
            "ChangeTagsForResource",
        ),
        (
            "GET",
            "/2013-04-01/tags/hostedzone/Z1",
            "ListTagsForResource",
        ),
        ("PUT", "/2013-04-01/hostedzone/Z1", "UnknownRoute"),
    ];
    for (method, path, operation) in cases {
        assert_eq!(
            rest(method, path, "").operation,
            operation,
            "{method} {path}"
        );
    }
}

#[test]
fn rest_xml_reads_query_parameters_and_nested_documents() {
    let decoded = rest(
        "GET",
        "/2013-04-01/hostedzone/Z1/rrset?name=%5C052.a&type=A",
        "",
    );
    assert_eq!(
        decoded.input["query"],
        json!({"name": "\\052.a", "type": "A"})
    );

    let decoded = rest(
        "POST",
        "/2013-04-01/hostedzone/Z1/rrset/",
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
         <ChangeBatch><Changes><Change><Action>DELETE</Action></Change>\
         <Change><Action>UPSERT</Action></Change></Changes><Comment>a &amp; b</Comment>\
         </ChangeBatch></ChangeResourceRecordSetsRequest>",
    );
    assert_eq!(
        decoded.input["body"],
        json!({"ChangeBatch": {
            "Changes": {"Change": [{"Action": "DELETE"}, {"Action": "UPSERT"}]},
            "Comment": "a & b",
        }})
    );
}

#[test]
fn outputs_are_written_in_the_manner_of_each_protocol() {
    let output = json!({"names": ["a<b", "c"], "at": timestamp(0), "flag": true, "none": null});
    let query = call(Service::ElasticLoadBalancing, Protocol::Query, "X");
    assert_eq!(
        text(&encode(&query, Ok(output.clone()))),
        "<XResponse><XResult><names><member>a&lt;b</member><member>c</member></names>\
         <at>1970-01-01T00:00:00Z</at><flag>true</flag></XResult>\
         <ResponseMetadata><RequestId>local</RequestId></ResponseMetadata></XResponse>"
    );
    let ec2 = call(Service::Ec2, Protocol::Ec2Query, "X");
    assert_eq!(
        text(&encode(&ec2, Ok(output.clone()))),
        "<XResponse><requestId>local</requestId><names><item>a&lt;b</item><item>c</item></names>\
         <at>1970-01-01T00:00:00Z</at><flag>true</flag></XResponse>"
    );
    let rest_xml = call(Service::Route53, Protocol::RestXml, "CreateHostedZone");
    let answer = encode(
        &rest_xml,
        Ok(json!({LOCATION: "https://l", "Root": {"Zones": {"Zone": ["a", "b"]}}})),
    );
    assert_eq!(answer.status(), 201);
    assert_eq!(header(&answer, "location"), "https://l");
    assert_eq!(
        text(&answer),
        "<Root><Zones><Zone>a</Zone><Zone>b</Zone></Zones></Root>"
    );
}

#[test]
fn refusals_are_written_in_the_manner_of_each_protocol() {
    let refusal = || Err(Refusal::new(404, "NotThere", "no `a<b`"));
    let sender = "<ErrorResponse><Error><Type>Sender</Type><Code>NotThere</Code>\
                  <Message>no `a&lt;b`</Message></Error><RequestId>local</RequestId></ErrorResponse>";
    let ec2 = "<Response><Errors><Error><Code>NotThere</Code><Message>no `a&lt;b`</Message></Error>\
               </Errors><RequestID>local</RequestID></Response>";
    let json = r#"{"__type":"NotThere","message":"no `a<b`"}"#;
    let cases = [
        (Service::ElasticLoadBalancing, Protocol::Query, sender),
        (Service::Route53, Protocol::RestXml, sender),
        (Service::Ec2, Protocol::Ec2Query, ec2),
        (Service::Ecs, Protocol::Json { version: "1.1" }, json),
    ];
    for (service, protocol, expected) in cases {
        let answer = encode(&call(service, protocol, "X"), refusal());
        assert_eq!(answer.status(), 404);
        assert_eq!(text(&answer), expected);
    }
}

#[test]
fn cloudwatch_names_errors_by_shape_in_the_body_and_by_code_in_the_header() {
    let refusal = || Err(Refusal::client("InvalidParameterValue", "bad"));
    let json = call(
        Service::CloudWatch,
        Protocol::Json { version: "1.0" },
        "PutMetricAlarm",
    );
    let answer = encode(&json, refusal());
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(body["__type"], "InvalidParameterValueException");
    assert_eq!(
        header(&answer, "x-amzn-query-error"),
        "InvalidParameterValue;Sender"
    );

    let answer = encode(
        &call(Service::CloudWatch, Protocol::Cbor, "PutMetricAlarm"),
        refusal(),
    );
    let body: Cbor = ciborium::from_reader(answer.body().as_ref()).unwrap();
    let kind = body.as_map().unwrap().first().unwrap().1.as_text();
    assert_eq!(kind, Some("InvalidParameterValueException"));
    assert_eq!(
        header(&answer, "x-amzn-query-error"),
        "InvalidParameterValue;Sender"
    );
}

#[test]
fn requests_that_name_no_service_are_refused() {
    let unsigned = Request::post("/").body(Bytes::new()).unwrap();
    assert_eq!(
        decode(&unsigned).unwrap_err().code,
        "MissingAuthenticationToken"
    );
    let stranger = signed("s3").body(Bytes::new()).unwrap();
    assert_eq!(decode(&stranger).unwrap_err().code, "UnsupportedService");
    let scopeless = Request::post("/")
        .header("authorization", "Bearer x")
        .body(Bytes::new())
        .unwrap();
    assert_eq!(decode(&scopeless).unwrap_err().code, "IncompleteSignature");
    let nameless = signed("ec2").body(Bytes::new()).unwrap();
    assert_eq!(decode(&nameless).unwrap_err().code, "MissingAction");
}

#[test]
fn what_is_no_call_is_refused_in_the_manner_of_its_protocol() {
    let refused = |request: http::request::Builder, body: &'static str| {
        let request = request.body(Bytes::from_static(body.as_bytes())).unwrap();
        refuse(&request, Refusal::client("Code", "text"))
    };
    let unsigned = || Request::post("/");
    let error = "<Error><Code>Code</Code><Message>text</Message></Error>";
    for (request, body, expected) in [
        (
            unsigned(),
            "Action=DescribeVpcs&Version=2016-11-15",
            format!("<Response><Errors>{error}</Errors>"),
        ),
        (
            signed("ec2"),
            "",
            format!("<Response><Errors>{error}</Errors>"),
        ),
        (
            unsigned(),
            "Action=DescribeRules&Version=2015-12-01",
            "<ErrorResponse><Error><Type>Sender</Type><Code>Code</Code>".to_owned(),
        ),
        (
            unsigned().header("x-amz-target", "X.Y"),
            "{}",
            r#"{"__type":"Code","message":"text"}"#.to_owned(),
        ),
    ] {
        let response = refused(request, body);
        assert!(text(&response).starts_with(&expected), "{response:?}");
    }
    let cbor = refused(unsigned().header("smithy-protocol", "rpc-v2-cbor"), "");
    assert_eq!(header(&cbor, "content-type"), "application/cbor");
}

#[test]
fn a_request_for_another_region_is_refused_except_of_global_services() {
    let here = signed("ec2").body(Bytes::new()).unwrap();
    assert_eq!(check_region(&here, Service::Ec2, "eu-west-1"), Ok(()));
    assert_eq!(check_region(&here, Service::Route53, "us-east-1"), Ok(()));
    let refusal = check_region(&here, Service::Ec2, "us-east-1").unwrap_err();
    assert_eq!(
        (refusal.status, refusal.code.as_str()),
        (403, "SignatureDoesNotMatch")
    );
    assert!(refusal.message.contains("eu-west-1"));
}

#[test]
fn malformed_bodies_are_refused() {
    let json = signed("ecs")
        .header("x-amz-target", "X.Y")
        .body(Bytes::from_static(b"{"))
        .unwrap();
    assert_eq!(decode(&json).unwrap_err().code, "SerializationException");
    let cbor = signed("monitoring")
        .header("smithy-protocol", "rpc-v2-cbor")
        .body(Bytes::from_static(b"\xbf"))
        .unwrap();
    assert_eq!(decode(&cbor).unwrap_err().code, "SerializationException");
    let list = signed("ecs")
        .header("x-amz-target", "X.Y")
        .body(Bytes::from_static(b"[1]"))
        .unwrap();
    assert_eq!(decode(&list).unwrap_err().code, "SerializationException");
    let number = signed("monitoring")
        .header("smithy-protocol", "rpc-v2-cbor")
        .body(Bytes::from_static(b"\x01"))
        .unwrap();
    assert_eq!(decode(&number).unwrap_err().code, "SerializationException");
    let xml = signed("route53").body(Bytes::from_static(b"<a>")).unwrap();
    assert_eq!(decode(&xml).unwrap_err().code, "InvalidInput");
    let deep = format!("Action=X&{}=1", "a.".repeat(20));
    let deep = signed("ec2").body(Bytes::from(deep)).unwrap();
    assert_eq!(decode(&deep).unwrap_err().code, "MalformedQueryString");
}

#[test]
fn an_unknown_member_is_refused_by_name_and_null_is_not_a_member() {
    let value = json!({"A": 1, "B": null});
    let input = super::Input::new(&value);
    assert_eq!(input.only(&["A"]), Ok(()));
    let refusal = input.only(&["B"]).unwrap_err();
    assert_eq!(refusal.code, "UnsupportedMember");
    assert!(refusal.message.contains("`A`"), "{refusal}");
}
