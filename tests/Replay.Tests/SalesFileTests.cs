using System.Text;
using OpsPlatform.Replay.Pack;
using OpsPlatform.Replay.Sales;

namespace OpsPlatform.Replay.Tests;

public sealed class SalesFileTests : IDisposable
{
    private const string RawHeader = "TransactionNo,Items,DateTime,Daypart,DayType\r\n";
    private const string FrenchHeader = ",date,time,ticket_number,article,Quantity,unit_price\n";

    private readonly PackFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_same_item_again_on_a_ticket_is_quantity()
    {
        var tickets = Read(PackFolder.SalesHeader + "1,7,2017-02-01 09:00:00,Bun\n2,7,2017-02-01 09:00:00,Bun \n3,7,2017-02-01 09:00:00,Bun\n");

        var ticket = tickets.ShouldHaveSingleItem();
        ticket.Lines.ShouldBe([new TicketLine("Bun", 2), new TicketLine("Bun ", 1)]);
    }

    [Fact]
    public void Tickets_come_in_the_order_of_their_times()
    {
        var tickets = Read(PackFolder.SalesHeader + "1,8,2017-02-01 09:00:00,Bun\n2,9,2017-02-01 08:59:00,Bun\n3,7,2017-02-01 08:00:00,Bun");

        tickets.Select(t => t.Number).ShouldBe([7, 9, 8]);
    }

    [Fact]
    public void The_raw_shape_with_sound_dates_is_accepted() =>
        Read(RawHeader + "1,Bun,2016-10-30 09:58:11,Morning,Weekend\r\n2,Cola,2016-10-30 10:05:34,Morning,Weekend\r\n").Count.ShouldBe(2);

    [Fact]
    public void Swapped_days_and_months_are_refused_at_the_first_step_back_with_the_reason()
    {
        var refused = Refuse(RawHeader
            + "1,Bun,2016-10-30 09:58:11,Morning,Weekend\r\n2,Bun,2016-10-31 09:00:00,Morning,Weekday\r\n"
            + "3,Bun,2016-01-11 09:00:00,Morning,Weekday\r\n4,Bun,2016-02-11 09:00:00,Morning,Weekday\r\n");

        (refused.Line, refused.Column).ShouldBe((4, 3));
        refused.Message.ShouldContain("(DateTime)");
        refused.Message.ShouldContain("ticket numbers rise while the dates jump back");
        refused.Message.ShouldContain("2016-11-01 would fit");
    }

    [Fact]
    public void A_till_that_lags_by_less_than_a_day_is_no_reason_to_refuse() =>
        Read(PackFolder.SalesHeader + "1,1,2017-02-01 09:00:00,Bun\n2,2,2017-02-01 08:00:00,Bun\n").Count.ShouldBe(2);

    [Fact]
    public void Many_small_steps_back_add_up() =>
        Refuse(PackFolder.SalesHeader + "1,1,2017-02-03 09:00:00,Bun\n2,2,2017-02-02 19:00:00,Bun\n3,3,2017-02-02 05:00:00,Bun\n").Line.ShouldBe(4);

    [Fact]
    public void A_ticket_number_used_twice_is_refused() =>
        Refuse(PackFolder.SalesHeader + "1,1,2017-02-01 09:00:00,Bun\n2,1,2017-03-01 09:00:00,Bun\n").Message.ShouldContain("used twice");

    [Theory]
    [InlineData("1,1,01/02/2017 09:00,Bun", 3, "'01/02/2017 09:00' is not a time")]
    [InlineData("1,1,2017-02-30 09:00:00,Bun", 3, "is not a time")]
    [InlineData("1,1,2017-02-01 09:00:00,Bum", 4, "'Bum' is not in item_map.csv")]
    [InlineData("1,1,2017-02-01 09:00:00,Plate ", 4, "it has 'Plate', and spaces count")]
    [InlineData("1,1,2017-02-01 09:00:00,", 4, "an item was expected")]
    [InlineData("1,,2017-02-01 09:00:00,Bun", 2, "ticket number is empty")]
    [InlineData("1,A1,2017-02-01 09:00:00,Bun", 2, "is not a ticket number")]
    [InlineData("1,1,2017-02-01 09:00:00", 4, "has 3 fields, the header has 4")]
    [InlineData("1,1,2017-02-01 09:00:00,Bun,x", 5, "has 5 fields, the header has 4")]
    [InlineData("\n", 1, "the line is empty")]
    public void A_bad_row_is_refused_at_its_line_and_column(string row, int column, string reason)
    {
        var refused = Refuse(PackFolder.SalesHeader + "1,1,2017-02-01 08:00:00,Bun\n" + row + "\n");

        (refused.Line, refused.Column).ShouldBe((3, column));
        refused.Message.ShouldContain(reason);
    }

    [Fact]
    public void Bytes_that_are_not_utf_8_are_refused_at_their_place()
    {
        var path = folder.In("sales.csv");
        File.WriteAllBytes(path, [.. Encoding.ASCII.GetBytes(PackFolder.SalesHeader + "1,1,2017-02-01 08:00:00,Caf"), 0xE9, (byte)'\n']);

        var refused = Should.Throw<FileRefusedException>(() => ReadSales.From(path, folder.Read().Items));

        (refused.Line, refused.Column).ShouldBe((2, 28));
        refused.Message.ShouldContain("0xE9");
    }

    [Fact]
    public void A_quoted_line_break_counts_as_a_line() =>
        Refuse("line,ticket,sold_at_local,item\n\"1\n\",1,2017-02-01 08:00:00,Bun\n2,2,2017-02-01 08:00:00,Bum\n").Line.ShouldBe(4);

    [Fact]
    public void An_unknown_header_is_refused_at_its_first_wrong_column()
    {
        var refused = Refuse("line,ticket,when,item\n1,1,2017-02-01 08:00:00,Bun\n");

        (refused.Line, refused.Column).ShouldBe((1, 3));
    }

    [Fact]
    public void A_french_till_export_is_refused_for_its_items()
    {
        var refused = Refuse(FrenchHeader + "0,2016-12-01,08:41,152368.0,PAIN,1.0,\"3,50 €\"\n");

        (refused.Line, refused.Column).ShouldBe((2, 5));
        refused.Message.ShouldContain("'PAIN' is not in item_map.csv");
    }

    [Fact]
    public void A_french_till_export_of_known_items_is_accepted()
    {
        var ticket = Read(FrenchHeader + "0,2016-12-01,08:41,152368.0,Bun,2.0,\"3,50 €\"\n").ShouldHaveSingleItem();

        (ticket.Number, ticket.OccurredAt).ShouldBe((152368, new DateTime(2016, 12, 1, 8, 41, 0)));
        ticket.Lines.ShouldBe([new TicketLine("Bun", 2)]);
    }

    [Fact]
    public void A_refund_in_a_french_till_export_is_refused() =>
        Refuse(FrenchHeader + "0,2016-12-01,08:41,152368.0,Bun,-1.0,\"3,50 €\"\n").Column.ShouldBe(6);

    [Fact]
    public async Task Without_a_valid_file_every_candidate_is_listed_and_the_exit_code_is_2()
    {
        folder.Write("a.csv", RawHeader + "1,Bun,2016-10-30 09:58:11,Morning\r\n");
        folder.Write("b.csv", "x,y\n1,2\n");

        var (code, text) = await Run("--data", folder.Root);

        code.ShouldBe(ExitCode.InputRefused);
        text.ShouldContain("refused: a.csv, line 2, column 5");
        text.ShouldContain("refused: b.csv, line 1, column 1");
        text.ShouldContain("--sales FILE");
    }

    [Fact]
    public async Task Two_valid_files_are_a_question_and_exit_2()
    {
        folder.Write("a.csv", PackFolder.SalesHeader + "1,1,2017-02-01 09:00:00,Bun\n");
        folder.Write("b.csv", PackFolder.SalesHeader + "1,1,2017-02-01 09:00:00,Bun\n");

        var (code, text) = await Run("--data", folder.Root);

        code.ShouldBe(ExitCode.InputRefused);
        text.ShouldContain("2 valid sales files");
    }

    [Fact]
    public async Task An_invalid_named_file_exits_2_though_the_folder_holds_a_valid_one()
    {
        folder.Write("a.csv", PackFolder.SalesHeader + "1,1,2017-02-01 09:00:00,Bun\n");

        var (code, text) = await Run("--data", folder.Root, "--sales", folder.Write("b.csv", "x,y\n1,2\n"));

        code.ShouldBe(ExitCode.InputRefused);
        text.ShouldContain("b.csv, line 1, column 1");
    }

    private static async Task<(int Code, string Text)> Run(params string[] args)
    {
        using var output = new StringWriter();
        var code = await ReplayCommand.Run(args, output, CancellationToken.None);

        return (code, output.ToString());
    }

    private IReadOnlyList<Ticket> Read(string text) => ReadSales.From(folder.Write("sales.csv", text), folder.Read().Items);

    private FileRefusedException Refuse(string text) => Should.Throw<FileRefusedException>(() => Read(text));
}
