using System.ComponentModel.DataAnnotations;
using OpsPlatform.Inventory.Stock;

namespace OpsPlatform.Inventory.Imports;

/// <param name="Note">Why, for all lines that say nothing themselves.</param>
/// <param name="Id">The import's, chosen by the caller; a new one when left out.</param>
internal sealed record StockImportRequest(
    [property: MinLength(1), MaxLength(StockImportRequest.MaxLines)] IReadOnlyList<StockImportRequest.Line> Lines,
    [StringLength(500)] string? Note = null,
    Guid? Id = null)
{
    public const int MaxLines = 10_000;

    /// <param name="Code">The ingredient's.</param>
    /// <param name="Quantity">What came or went; for an adjustment, what is there now. In the ingredient's unit.</param>
    public sealed record Line(
        [StringLength(64, MinimumLength = 1)] string Code,
        [AllowedValues(ChangeType.Increase, ChangeType.Decrease, ChangeType.Adjustment, ErrorMessage = "changeType must be increase, decrease or adjustment.")] ChangeType ChangeType,
        [Quantity] decimal Quantity,
        [StringLength(500)] string? Reason = null) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (ChangeType != ChangeType.Adjustment && Quantity == 0)
            {
                yield return new("quantity must be above 0.", [nameof(Quantity)]);
            }
        }
    }

    public IEnumerable<StockImportLine> LinesOf(Guid org, Guid import) => Lines.Select((line, index) => new StockImportLine
    {
        OrgId = org,
        ImportId = import,
        LineNo = index + 1,
        Code = line.Code,
        ChangeType = line.ChangeType,
        Quantity = line.Quantity,
        Reason = line.Reason ?? Note,
    });
}

/// <param name="Applied">Of the lines done so far.</param>
/// <param name="UndoOperationId">The last operation that was to take it back, when somebody asked for that.</param>
internal sealed record StockImportResponse(
    Guid Id, int Total, int Applied, int Failed, string? Note, string? RequestedBy, DateTimeOffset RequestedAt, Guid? UndoOperationId)
{
    public static StockImportResponse Of(StockImport x) => new(x.Id, x.Total, x.Applied, x.Failed, x.Note, x.RequestedBy, x.RequestedAt, x.UndoId);
}

/// <param name="Done">Lines that would be, or were, done.</param>
/// <param name="Refused">Lines that would not be.</param>
/// <param name="Refusals">The first 200 of them.</param>
/// <param name="NeedsApproval">Somebody has to agree before it begins; never to an import, only to taking one back.</param>
internal sealed record ImportPreview(int Done, int Refused, IReadOnlyList<ImportPreview.Refusal> Refusals, bool NeedsApproval = false)
{
    public const int MaxRefusals = 200;

    public sealed record Refusal(int LineNo, string Code, string Error);

    /// <param name="results">Each line, and why it is not done, or null.</param>
    public static ImportPreview Of(IEnumerable<(StockImportLine Line, string? Error)> results)
    {
        var all = results.ToArray();
        var refused = all.Where(result => result.Error is not null).ToArray();
        return new(all.Length - refused.Length, refused.Length, [.. refused.Take(MaxRefusals).Select(result => new Refusal(result.Line.LineNo, result.Line.Code, result.Error!))]);
    }
}
