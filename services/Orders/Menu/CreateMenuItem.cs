using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Menu;

/// <summary>Adds something that can be ordered.</summary>
internal static class CreateMenuItem
{
    public sealed record Request(
        [Required, StringLength(MenuItemRules.MaxCodeLength)] string Code,
        [Required, StringLength(MenuItemRules.MaxNameLength)] string Name,
        MenuKind Kind,
        [AtLeast(0)] long PriceMinor,
        [RegularExpression(MenuItemRules.CurrencyPattern)] string Currency,
        TaxClass TaxClass,
        Guid? TargetId = null,
        decimal PiecesPerSale = 1,
        Guid? Id = null,
        [StringLength(MenuItemRules.MaxCategoryLength)] string? Category = null) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
            MenuItemRules.Check(Kind, TargetId, PiecesPerSale);

        internal MenuItemContent Content() =>
            new(Code.Trim(), Name.Trim(), Kind, TargetId, PiecesPerSale, PriceMinor, Currency, TaxClass, MenuItemRules.Category(Category));
    }

    public static async Task<Results<Created<MenuItemView>, Ok<MenuItemView>, ProblemHttpResult>> Handle(
        Request request, OrdersDb db, Caller caller, TimeProvider time, CancellationToken cancel)
    {
        var id = request.Id ?? Guid.CreateVersion7(time.GetUtcNow());
        var content = request.Content();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await MenuLock.Take(db, caller.Org, cancel);
        if (await db.MenuItems.AsNoTracking().FirstOrDefaultAsync(x => x.Id == id, cancel) is { } stored)
        {
            return stored.Content() == content ? TypedResults.Ok(MenuItemView.Of(stored)) : Problems.IdTaken(id);
        }

        if (await db.Database.SqlQuery<bool>($"SELECT EXISTS (SELECT FROM deleted_menu_items WHERE id = {id}) AS \"Value\"").SingleAsync(cancel))
        {
            return Problems.IdTaken(id);
        }

        if (await db.MenuItems.AnyAsync(x => x.Code == content.Code, cancel))
        {
            return Problems.CodeTaken(content.Code);
        }

        var item = new MenuItem
        {
            OrgId = caller.Org,
            Id = id,
            Code = content.Code,
            Name = content.Name,
            Kind = content.Kind,
            TargetId = content.TargetId,
            PiecesPerSale = content.PiecesPerSale,
            PriceMinor = content.PriceMinor,
            Currency = content.Currency,
            TaxClass = content.TaxClass,
            Category = content.Category,
            IsAvailable = await RecipeAvailability.Of(db, content, cancel),
        };
        db.Add(item);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);

        return TypedResults.Created($"/menu/{item.Id}", MenuItemView.Of(item));
    }
}
