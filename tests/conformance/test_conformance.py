"""What the comparison sees, what it does not, and what the table of differences may say."""

import datetime
import os
import sys
import tempfile
import unittest
from pathlib import Path

import compare
import differences
import replay
import servers
from differences import ABSENT, Difference, Table
from normal import Names
from replay import Outcome, Step


def difference(call="ec2.DescribeVpcs", where="Vpcs[].State", moto=ABSENT, ours="available"):
    return Difference(call, where, moto, ours)


def row(**changes):
    return {
        "call": "ec2.DescribeVpcs",
        "where": "Vpcs[].State",
        "moto": ABSENT,
        "ours": "available",
        "right": "ours",
        "why": "A reason.",
        "source": "https://docs.aws.amazon.com/vpc/",
    } | changes


class Normal(unittest.TestCase):
    def test_an_id_has_one_name_wherever_it_stands(self):
        names = Names()
        made = names.fields(1, {"Vpc": {"VpcId": "vpc-0123456789abcdef0"}})
        seen = names.fields(2, {"Arn": "arn:aws:ec2:vpc/vpc-0123456789abcdef0", "Other": "vpc-00000000000000000"})
        self.assertEqual({"Vpc.VpcId": ["<vpc 1>"]}, made)
        self.assertEqual({"Arn": ["arn:aws:ec2:vpc/<vpc 1>"], "Other": ["<vpc 2>"]}, seen)

    def test_two_sides_agree_whatever_their_ids_and_order(self):
        def answer(first, second):
            return {"Groups": [{"Id": first, "Name": "a"}, {"Id": second, "Name": "b"}]}

        left = answer("sg-11111111111111111", "sg-22222222222222222")
        right = answer("sg-99999999999999999", "sg-33333333333333333")
        right["Groups"].reverse()
        self.assertEqual(Names().fields(1, left), Names().fields(1, right))

    def test_another_reference_is_seen(self):
        def answers(referred):
            names = Names()
            names.fields(1, {"Ids": ["sg-11111111111111111"]})
            names.fields(2, {"Ids": ["sg-22222222222222222"]})
            return names.fields(3, {"Id": referred})

        self.assertNotEqual(answers("sg-11111111111111111"), answers("sg-22222222222222222"))

    def test_times_and_tokens_are_masked_and_emptiness_is_absence(self):
        moment = datetime.datetime(2026, 1, 1)
        answer = {"At": moment, "creationTime": 5, "NextToken": "x", "Tags": [], "Text": "", "None": None}
        expected = {"At": ["<time>"], "creationTime": ["<time>"], "NextToken": ["<token>"]}
        self.assertEqual(expected, Names().fields(1, answer))

    def test_keys_of_a_list_of_keys_and_values_are_fields(self):
        fields = Names().fields(1, {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]})
        self.assertEqual({"Tags[a]": ["1"], "Tags[b]": ["(empty)"]}, fields)


class Differences(unittest.TestCase):
    def between(self, moto, ours):
        return list(differences.between("s.Op", Outcome(*moto), Outcome(*ours)))

    def test_results_that_differ_are_all_that_is_said(self):
        found = self.between(("succeeds", "200", {"A": ["1"]}), ("NotFound", "404", {}))
        self.assertEqual([Difference("s.Op", "result", "succeeds", "NotFound")], found)

    def test_status_fields_and_counts_differ(self):
        found = self.between(
            ("succeeds", "200", {"A": ["1"], "B": ["x", "x"]}), ("succeeds", "201", {"B": ["x"], "C": ["2"]})
        )
        expected = [
            Difference("s.Op", "status", "200", "201"),
            Difference("s.Op", "A", "1", ABSENT),
            Difference("s.Op", "B", "2 × x", "1 × x"),
            Difference("s.Op", "C", ABSENT, "2"),
        ]
        self.assertEqual(expected, found)


class Tables(unittest.TestCase):
    def test_knows_what_a_row_says_and_nothing_else(self):
        table = Table([row()])
        self.assertTrue(table.knows(difference()))
        for other in (
            difference(call="ec2.CreateVpc"),
            difference(where="Vpcs[].VpcId"),
            difference(moto="pending"),
            difference(ours="pending"),
        ):
            self.assertFalse(table.knows(other), other)

    def test_an_asterisk_stands_for_ids_only(self):
        table = Table([row(ours="*")])
        self.assertTrue(table.knows(difference(ours="<vpc 1>")))
        self.assertFalse(table.knows(difference(ours="available")))

    def test_what_does_not_occur_is_named(self):
        table = Table([row(where=["Vpcs[].State", "Vpcs[].OwnerId"], ours=["available", "pending"])])
        self.assertEqual(6, len(list(table.unseen())))
        table.knows(difference())
        self.assertEqual(["`ours` is `pending`", "`where` is `Vpcs[].OwnerId`"], sorted(self.ends(table)))

    @staticmethod
    def ends(table):
        return [text.split("that ")[-1].rstrip(".") for text in table.unseen()]

    def test_a_row_is_complete_and_has_a_source_of_aws(self):
        incomplete = row()
        del incomplete["why"]
        for wrong in (incomplete, row(right="neither"), row(source="https://example.com/")):
            with self.assertRaises(differences.BadTable):
                Table([wrong])

    def test_the_table_and_the_scenarios_can_be_read(self):
        self.assertTrue(Table.read(Path(__file__).parent / "differences.yaml"))
        self.assertTrue(compare.scenarios())


class Replay(unittest.TestCase):
    answers = {"made": {"Groups": [{"Arn": "a/b/c"}, {"Arn": "d"}], "None": []}}

    def test_references_are_filled_in_everywhere(self):
        filled = replay._filled({"A": ["$made.Groups.Arn", "$made.Groups.Arn.tail"], "B": 1, "C": "made"}, self.answers)
        self.assertEqual({"A": ["a/b/c", "c"], "B": 1, "C": "made"}, filled)

    def test_what_was_not_answered_is_missing(self):
        for reference in ("$other.Arn", "$made.Arn", "$made.None.Arn", "$made.Groups.Arn.Name"):
            with self.assertRaises(replay._Missing):
                replay._filled(reference, self.answers)

    def test_an_unknown_member_of_a_step_is_refused(self):
        for wrong in ({"call": "ec2.DescribeVpcs", "expect": 1}, {"with": {}}):
            with self.assertRaises(replay.BadScenario):
                Step.read(wrong)


class Servers(unittest.TestCase):
    def serving(self, program):
        with tempfile.TemporaryDirectory() as folder:
            pid = Path(folder, "pid")
            script = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); {program}"
            try:
                with servers._serving([sys.executable, "-u", "-c", script]) as address:
                    self.assertEqual("http://127.0.0.1:4600", address)
                    raise KeyboardInterrupt
            finally:
                with self.assertRaises(ProcessLookupError):
                    os.kill(int(pid.read_text()), 0)

    def test_a_server_ends_with_its_user(self):
        with self.assertRaises(KeyboardInterrupt):
            self.serving("print('at http://127.0.0.1:4600 now'); time.sleep(60)")

    def test_a_server_that_ends_at_once_is_reported(self):
        with self.assertRaisesRegex(servers.NotServing, "no port"):
            self.serving("print('no port')")


if __name__ == "__main__":
    unittest.main()
