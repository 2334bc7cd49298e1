using OpsPlatform.Replay.Pack;
using OpsPlatform.Replay.Play;
using OpsPlatform.Replay.Recompute;
using OpsPlatform.Replay.Sales;

namespace OpsPlatform.Replay.Tests;

/// <summary>On the real sales, which are never part of the repository.</summary>
public sealed class RealDataTests
{
    [Fact]
    public void The_raw_file_is_refused_where_its_dates_first_jump_back()
    {
        var data = FolderOrSkip();

        var refused = Should.Throw<FileRefusedException>(
            () => ReadSales.From(Path.Combine(data, "bread_basket_cc0.csv"), ReadPack.From(data).Items));

        (refused.Line, refused.Column).ShouldBe((371, 3));
        refused.Message.ShouldContain("2016-11-01 would fit");
    }

    [Fact]
    public void The_french_till_export_is_refused_for_its_items()
    {
        var data = FolderOrSkip();

        var refused = Should.Throw<FileRefusedException>(
            () => ReadSales.From(Path.Combine(data, "fr_till_export_fixture.csv"), ReadPack.From(data).Items));

        (refused.Line, refused.Column).ShouldBe((2, 5));
    }

    [Fact]
    public void The_repaired_file_is_the_one_that_is_played()
    {
        var data = FolderOrSkip();
        var pack = ReadPack.From(data);
        using var output = new StringWriter();

        var tickets = ChooseSales.From(data, null, pack, output);
        var orders = PlannedOrder.From(Guid.Empty, tickets, pack, new Consumption(pack));

        tickets.Count.ShouldBe(9_465);
        orders.Count.ShouldBe(9_464, "one ticket is only an adjustment");
        output.ToString().ShouldContain("refused: bread_basket_cc0.csv, line 371, column 3");
    }

    private static string FolderOrSkip()
    {
        var given = Environment.GetEnvironmentVariable("OPS_REAL_DATA");

        if (!string.IsNullOrEmpty(given))
        {
            Directory.Exists(given).ShouldBeTrue($"OPS_REAL_DATA names '{given}', which is no folder");
            return given;
        }

        // The repository lies beside the data, or is a work tree beside it.
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "OpsPlatform.sln")))
            {
                var beside = Path.GetFullPath(Path.Combine(folder.FullName, "../shared/data"));

                if (Directory.Exists(beside))
                {
                    return beside;
                }

                break;
            }
        }

        Assert.Skip("The real sales are not here: put them at ../shared/data beside the repository or set OPS_REAL_DATA.");

        return "";
    }
}
