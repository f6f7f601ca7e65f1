"""A user with a key, a role that trusts everybody, a bucket; then moto checks every signature. Arguments: URL, bucket."""
import json, sys, urllib.request

import boto3

url, bucket = sys.argv[1:]


def client(service):
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", aws_access_key_id="setup", aws_secret_access_key="setup")


def policy(*actions):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})


iam = client("iam")
iam.create_user(UserName="caller")
key = iam.create_access_key(UserName="caller")["AccessKey"]
allowed = iam.create_policy(PolicyName="all", PolicyDocument=policy("s3:*", "sts:*", "dynamodb:*"))["Policy"]["Arn"]
iam.attach_user_policy(UserName="caller", PolicyArn=allowed)
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
role = iam.create_role(RoleName="callout", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
iam.attach_role_policy(RoleName="callout", PolicyArn=allowed)
client("s3").create_bucket(Bucket=bucket)
switch = urllib.request.Request(url + "/moto-api/reset-auth", data=b"0", headers={"content-type": "text/plain"}, method="POST")
urllib.request.urlopen(switch).read()
print(json.dumps({"key_id": key["AccessKeyId"], "secret": key["SecretAccessKey"], "role": role}))
